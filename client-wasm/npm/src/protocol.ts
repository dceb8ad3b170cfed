/**
 * The wire's types, generated from the Rust crate `shared` by `cargo xtask types`.
 * Change them there.
 */

/** An error as the caller gets it. */
export type ApiError = {
  /** What programs branch on. */
  code: ErrorCode;
  /** A sentence for people: what is wrong, and where possible the way out. */
  message: string;
  /** The field that is wrong, as a path such as `content.text`. */
  field?: string;
  /** The bound that was passed. */
  limit?: number;
  /** Whether the same call may succeed later, unchanged. */
  retryable: boolean;
};

/** A file that lives elsewhere. */
export type Attachment = {
  /** Where it lives. */
  url: string;
  /** What to call it. */
  name?: string;
  /** Its media type, such as `image/png`. */
  mediaType?: string;
  /** Its size in bytes. */
  bytes?: number;
};

/** What an audit found. */
export type Audit = "none" | "agreed" | "differs" | "drifted";

/** The first frame of a session: who it is. At most `FIRST_FRAME_BYTES`. */
export type Authenticate = {
  /** The user's token, as the main app minted it. */
  token: string;
  /** The protocol that the client speaks, `PROTOCOL_VERSION`. */
  protocol: number;
};

/** The answer to a heartbeat. */
export type Beat = {
  /** What the audit found. */
  audit: Audit;
};

/** Removes a conversation from the user's list until something newer is said in it. */
export type Clear = {
  /** Which one. */
  conversation: ConversationId;
  /** The newest message that the user saw listed; what came later stays. */
  seq: Seq;
};

/** The caller's own name for a message it sends. Sending it again returns the first result. */
export type ClientMsgId = string;

/** Changes the user's choices for a conversation; what is absent stays. */
export type Configure = {
  /** Which one. */
  conversation: ConversationId;
  /** Leave it out of the total and the dot. */
  muted?: boolean;
  /** Show it before the others. */
  pinned?: boolean;
};

/** What a message says, with what may come along. */
export type Content = {
  /** Anything of the product's own, at most `DATA_BYTES` as JSON. */
  data?: unknown;
  /** Files, by reference. */
  attachments?: Array<Attachment>;
  /** The message of the same conversation that this one answers. */
  replyTo?: Seq;
  /** Who is meant in particular. */
  mentions?: Array<UserId>;
} & ({
  kind: "text";
  /** At most `TEXT_CHARS` characters. */
  text: string;
} | {
  kind: "notice";
} & Notice | {
  kind: "custom";
  /** The product's own name for this sort of message. */
  type: string;
});

/** What all members of a conversation share. */
export type ConversationHalf = {
  /** The newest message. */
  lastSeq: Seq;
  /** Retention has deleted up to here. */
  floor: Seq;
  /** Messages that never count: notices born quiet, recalled messages. */
  holes?: Runs;
};

/**
 * A conversation's id.
 *
 * | kind | form |
 * |---|---|
 * | direct | `direct:` + the two users in order of their bytes, joined by `:` |
 * | system | `system:` + the user |
 * | announcement | `announcement` |
 * | group | `group:` + the group's own id |
 *
 * Inside a part `~` is written `~0` and `:` is written `~1`, as in a JSON pointer (RFC 6901), so
 * that any user id goes in and comes out again.
 */
export type ConversationId = string;

/** What sort of conversation it is. */
export type ConversationKind = "direct" | "group" | "system" | "announcement";

/**
 * How many messages in `(after, up_to]` count, read from the messages themselves.
 *
 * The server sends it where a set has forgotten its oldest ranges (`known_above`) above
 * the member's base. It is worth something for exactly that base.
 */
export type Counted = {
  /** The base it was counted from. */
  after: Seq;
  /** The last position that was counted. */
  upTo: Seq;
  /** How many count. */
  count: number;
};

/**
 * A digest of a user's unread conversations. Conversations that show nothing add nothing, so two
 * sides agree even where one knows more of the silent ones.
 *
 * On the wire 16 hexadecimal digits, since a JavaScript number has no room for 64 bits.
 */
export type Digest = string;

/** Done; there is nothing to tell. */
export type Done = Record<symbol, never>;

/** The life of a data set: another one after a backup was restored or the store was wiped. */
export type Epoch = string;

/** The code of an error; the one part of it that programs branch on. */
export type ErrorCode = "malformed" | "unknown_command" | "invalid" | "too_large" | "unauthenticated" | "token_expired" | "forbidden" | "user_unknown" | "conversation_unknown" | "message_unknown" | "seq_past_end" | "wrong_epoch" | "idempotency_conflict" | "protocol_unsupported" | "unavailable" | "rate_limited" | "timeout" | "closed" | "internal";

/** Fetches rows by name, wherever they are in the inbox. */
export type Fetch = {
  /** Which ones, at most `NAMED_CONVERSATIONS`. */
  conversations: Array<ConversationId>;
};

/** When to come back. */
export type Goodbye = {
  /** Not before this many milliseconds. */
  afterMs: number;
  /** At a moment drawn from this many milliseconds after that, so that not all come at once. */
  withinMs: number;
};

/** Says that the client lives; now and then it carries the digest that the badge is audited by. */
export type Heartbeat = {
  /** Present when the badge is to be audited. */
  digest?: Digest;
};

/** A page of a conversation. */
export type History = {
  /** Where. */
  conversation: ConversationId;
  /** In order, without a gap. */
  messages: Array<Message>;
  /** The newest message of the conversation when the page was read. */
  lastSeq: Seq;
  /** Retention has deleted up to here; nothing earlier can be pulled. */
  floor: Seq;
};

/** A page of the inbox. */
export type Inbox = {
  /** Newest first. */
  rows: Array<Row>;
  /** Where it goes on; absent at the end. */
  next?: InboxCursor;
};

/**
 * A place in the inbox: the time of a conversation's newest message, and its id where two are
 * equal. On the wire a string that callers need not understand.
 */
export type InboxCursor = string;

/** What a client knows of one conversation. */
export type Known = {
  /** Which one. */
  id: ConversationId;
  /** The newest message it knows. */
  lastSeq: Seq;
  /** Read up to here on this client. Where it is ahead of the store, the store adopts it. */
  readSeq: Seq;
  /** The mark by hand that was read away. */
  markSeen: number;
  /** The count it shows. */
  unread: number;
};

/** A page of the inbox, newest conversation first. */
export type List = {
  /** The `next` of the page before; absent for the first. */
  before?: InboxCursor;
  /** Rows at most, up to `PAGE_MAX`. */
  limit?: number;
};

/** Tells what the tabs of this session look at, all of them at once. */
export type Look = {
  /** One for each tab. */
  views: Array<View>;
};

/** Marks a conversation unread by hand; it shows at least 1 until it is read again. */
export type Mark = {
  /** Which one. */
  conversation: ConversationId;
};

/** What belongs to one member. */
export type MemberHalf = {
  /** Read up to here. */
  readSeq: Seq;
  /** The last message when this membership began. */
  startSeq: Seq;
  /** Own messages above `read_seq`. */
  own?: Runs;
  /** Removed from the user's list up to here. */
  cleared: Seq;
  /** How often the user marked the conversation unread by hand. */
  mark: number;
  /** The mark that the user has since read away. */
  markSeen: number;
  /** Grows at each join and leave; an odd term is in, an even one is out. */
  term: number;
  /** What the user chose for this conversation. */
  settings: Settings;
};

/** A member's half in full, after it changed. */
export type MemberNews = {
  /** Where. */
  conversation: ConversationId;
  /** The half. */
  member: MemberHalf;
  /** The count of what the halves have forgotten, where they have. */
  counted?: Counted;
};

/** A stored message. */
export type Message = {
  /** Made by the server; later messages have greater ids. */
  id: MessageId;
  /** Where it was said. */
  conversation: ConversationId;
  /** Its position there. */
  seq: Seq;
  /** Who said it; absent when the product did. */
  sender?: UserId;
  /** The sender's own name for it. */
  clientMsgId: ClientMsgId;
  /** When the server took it; never earlier than the message before it. */
  at: number;
  /** Grows when the message is changed, as by a recall. */
  revision: number;
  /** A notice that was born quiet: in the history, never counted. */
  quiet?: boolean;
  /** Set once it was taken back; the content is gone then. */
  recalled?: Recalled;
  /** What it says; absent once recalled. */
  content?: Content;
};

/** A message, made by the server; ids made later compare greater. */
export type MessageId = string;

/** A message was stored. */
export type NewMessage = {
  /** The message. */
  message: Message;
  /**
   * Another tab or device of the receiver is looking at the conversation and will most likely
   * read it at once: hold the dot back for at most `HOLD_MS`.
   */
  attended?: boolean;
  /**
   * It went to very many; whoever has to fetch the rest waits up to this many milliseconds
   * first, at random.
   */
  spreadMs?: number;
};

/** Word from the product. */
export type Notice = {
  /** One line. */
  title: string;
  /** More, where there is more to say. */
  text?: string;
  /**
   * Where it leads: an `http:` or `https:` URL, or a path of the product's own that begins with
   * one slash.
   */
  link?: string;
  /** The product's own sorting, such as `billing`. */
  category?: string;
  /** A picture's URL. */
  icon?: string;
};

/** Who is online. */
export type Online = {
  /** Those of the asked who have a session. */
  online: Array<UserId>;
};

/** The page a tab shows. */
export type Page = "home" | "messages" | "other";

/** Asks who of these is online. Users without a direct conversation with the caller are left out. */
export type Presence = {
  /** At most `PRESENCE_USERS`. */
  users: Array<UserId>;
};

/** The newest message, shortened. */
export type Preview = {
  /** Its position. */
  seq: Seq;
  /** Which writing of it; a preview is replaced only by a higher `(seq, revision)`. */
  revision: number;
  /** When it was said. */
  at: number;
  /** Who said it; absent when the product did. */
  sender?: UserId;
  /**
   * The first `PREVIEW_CHARS` characters of its text or title; empty where
   * there are none.
   */
  text: string;
  /** It was taken back. */
  recalled?: boolean;
};

/**
 * Asks for messages: those in `(after, before)`, the oldest of them first where `after` is given,
 * the newest where it is not.
 */
export type Pull = {
  /** Where. */
  conversation: ConversationId;
  /** Only later ones. */
  after?: Seq;
  /** Only earlier ones. */
  before?: Seq;
  /** Messages at most, up to `PAGE_MAX`. */
  limit?: number;
};

/** A push. */
export type Push = {
  push: "message";
  data: NewMessage;
} | {
  push: "revised";
  data: Message;
} | {
  push: "member";
  data: MemberNews;
} | {
  push: "goodbye";
  data: Goodbye;
} | {
  push: "resync";
  data: Resync;
};

/** Reads a conversation up to the message that was rendered last. */
export type Read = {
  /** Which one. */
  conversation: ConversationId;
  /** Up to here, never past the newest message. */
  seq: Seq;
  /** The mark by hand that the reader saw, if any. */
  markSeen?: number;
  /** The epoch that `seq` belongs to, where the caller knows it. */
  epoch?: Epoch;
};

/** Takes a message back. Its sender may; the main app may take back any. */
export type Recall = {
  /** Where it was said. */
  conversation: ConversationId;
  /** Its position. */
  seq: Seq;
};

/** That a message was taken back. */
export type Recalled = {
  /** When. */
  at: number;
  /** By whom; absent when the product did. */
  by?: UserId;
};

/** Catches up: names what the client knows, and gets what it should know. */
export type Resume = {
  /** The epoch that the client's knowledge belongs to. */
  epoch?: Epoch;
  /** The digest of what the client shows; where it agrees, no unread rows are sent. */
  digest?: Digest;
  /** The conversations that show something unread, or were read here and not acknowledged. */
  conversations?: Array<Known>;
  /** Rows of the inbox's first page that are wanted; 0 or absent for none. */
  inbox?: number;
};

/** The client has caught up. */
export type Resumed = {
  /** The digest agreed: what the client shows as unread is right as it is. */
  unchanged: boolean;
  /**
   * The named conversations, all that may be unread (unless `unchanged`), and the inbox's first
   * page where it was wanted. Each conversation once. Being absent says nothing.
   */
  rows: Array<Row>;
  /** Where the inbox goes on after its first page; absent at its end, or where none was wanted. */
  next?: InboxCursor;
};

/** When to resume. */
export type Resync = {
  /** At a moment drawn from this many milliseconds, so that not all do it at once. */
  withinMs: number;
};

/** A conversation as one of its members sees it. */
export type Row = {
  /** Which conversation. */
  id: ConversationId;
  /** What sort it is. */
  kind: ConversationKind;
  /** The other user's name, or the group's. */
  name?: string;
  /** The other user's picture, or the group's. */
  avatar?: string;
  /** The other user of a direct conversation. */
  peer?: UserId;
  /** When the newest message was said; 0 where there is none yet. */
  lastAt: number;
  /** The newest message, shortened; absent where there is none yet. */
  last?: Preview;
  /** How many messages are unread, as `standing` counts the halves below. */
  unread: number;
  /** What all members share. */
  conversation: ConversationHalf;
  /** What is the member's own. */
  member: MemberHalf;
  /** The count of what the halves have forgotten, where they have. */
  counted?: Counted;
};

/** Every position from the first to the second, both included. On the wire `[from, to]`. */
export type Run = [Seq, Seq];

/**
 * A set of positions: ordered ranges that neither overlap nor touch.
 *
 * At most `RUNS` ranges are kept. When one more comes, the oldest is forgotten and
 * `known_above` rises to its end: at or below that, the set says nothing, and whoever counts
 * there has to ask the messages themselves (`Counted`).
 *
 * Merging is a union, and so commutative, associative and idempotent, as long as nothing was
 * forgotten. After that it stays sound: it never claims a position that no side claimed.
 */
export type Runs = {
  knownAbove?: Seq;
  runs?: Array<Run>;
};

/** Sends a message. */
export type SendMessage = {
  /** Where to. A direct conversation comes into being with its first message. */
  conversation: ConversationId;
  /** The sender's own name for the message. Sending it again returns the first result. */
  clientMsgId: ClientMsgId;
  /** What it says. */
  content: Content;
  /** Up to where its author had the conversation on screen when writing. */
  readSeq?: Seq;
};

/** The message is stored. */
export type Sent = {
  /** As it was stored, now or the first time. */
  message: Message;
  /** Whether it was stored now; `false` for a resend. */
  fresh: boolean;
};

/**
 * Position of a message in its conversation: 1 for the first, +1 for each, never a gap.
 *
 * `ZERO` stands before the first message, so it serves as "read nothing yet". At most
 * `MAX_SEQ`, so that a JavaScript number holds it exactly.
 */
export type Seq = number;

/** One live connection. */
export type SessionId = string;

/** A member's choices, as one value: the higher revision replaces the lower. */
export type Settings = {
  /** Given by the server, +1 with each change. */
  revision: number;
  /** Unread messages are counted in the conversation, and left out of the total and the dot. */
  muted: boolean;
  /** Shown before the others. */
  pinned: boolean;
};

/** A person of the main app. */
export type User = {
  /** The main app's own id. */
  id: UserId;
  /** The name that the main app supplies; absent until it does. */
  name?: string;
  /** A picture's URL. */
  avatar?: string;
};

/** A person of the main app, by the main app's own id. */
export type UserId = string;

/** What one tab looks at. */
export type View = {
  /** The page it shows. */
  page: Page;
  /** The conversation that is open in it. */
  open?: ConversationId;
  /** Whether the page can be seen (`document.visibilityState`). */
  visible: boolean;
  /** Whether it has the keyboard (`document.hasFocus()`). */
  focused: boolean;
};

/** The session has begun. */
export type Welcome = {
  /** The session's own id, for logs on both sides. */
  session: SessionId;
  /** Who the token says it is. */
  user: User;
  /** The life of the data set. All that a client knows belongs to one epoch. */
  epoch: Epoch;
  /** The server's clock. */
  now: number;
  /** How often the server wants to hear a heartbeat. */
  heartbeatMs: number;
};
