/**
 * What users of the SDK see, apart from the wire's own types in `protocol.ts`.
 */
import type { MessageServiceError } from "./errors.js";
import type { Message, Page, Preview } from "./protocol.js";

/** Where `init` finds the WebAssembly; by default beside the package's own code. */
export type WasmSource = string | URL | Response | BufferSource | WebAssembly.Module;

/** Why the SDK asks for a token. */
export interface TokenRequest {
  /** `connect`: a session begins. `expired`: the last token is too old. `rejected`: it was refused. */
  reason: "connect" | "expired" | "rejected";
}

/** What `new MessageClient` takes. */
export interface MessageClientOptions {
  /**
   * Where the service is: the prefix that it is nested under, such as `/messages`, or a full
   * `http(s):` or `ws(s):` URL. Default: `/`, the page's own origin.
   */
  url?: string;
  /**
   * Fetches a token from the main app. Called whenever a session begins. Reject with an
   * {@link UnauthorizedError} to stop; any other rejection is tried again later.
   */
  getToken: (request: TokenRequest) => Promise<string>;
  /** The page this tab shows; `setPage` changes it. Default: `"other"`. */
  page?: Page;
  /** Read what was delivered into the open conversation by itself. Default: `true`. */
  autoRead?: boolean;
  /** Rows of the first inbox page; 0 where a page shows no list. Default: 50. */
  inboxPage?: number;
  /** Milliseconds until a call that got no answer fails with `timeout`. Default: 15000. */
  requestTimeoutMs?: number;
}

/**
 * Where the connection stands.
 *
 * `idle` before `connect()`, `connecting` on the way, `live` once caught up, `waiting` between
 * attempts, `stopped` after `close()`, a sign-out, or a refusal that no retry helps.
 */
export type ConnectionState = "idle" | "connecting" | "live" | "waiting" | "stopped";

/** The connection changed. */
export interface StateChange {
  state: ConnectionState;
  previous: ConnectionState;
  /** While `waiting`: milliseconds until the next attempt. */
  retryInMs?: number;
  /** Why it left `live`, or why it stopped, where that is known. */
  error?: MessageServiceError;
}

/** A conversation as the message page lists it. */
export interface Conversation {
  id: string;
  kind: "direct" | "group" | "system" | "announcement";
  /** The other user's name or the group's; absent while nobody supplied one. */
  name?: string;
  avatar?: string;
  /** The other user of a direct conversation. */
  peer?: string;
  /** The newest message, shortened; absent where nothing was said yet. */
  last?: Preview;
  /** When the newest message was said; 0 where nothing was. */
  lastAt: number;
  /** Messages that count; at least 1 while marked unread by hand. */
  unread: number;
  marked: boolean;
  muted: boolean;
  pinned: boolean;
}

/** What is unread in all. */
export interface Unread {
  /** Messages, muted conversations left out. */
  total: number;
  /** Conversations that show something, muted ones left out. */
  conversations: number;
}

/** A conversation that was opened. */
export interface Opened {
  conversation: string;
  /** The newest page, in order, without a gap. */
  messages: Message[];
  /** Where a "new messages" divider belongs; absent where nothing was unread. */
  firstUnreadSeq?: number;
  /** Whether `history` can go further back. */
  more: boolean;
}

/** Messages of the open conversation that follow the ones delivered before, in order. */
export interface Delivery {
  conversation: string;
  messages: Message[];
}

/** Earlier messages. */
export interface History {
  messages: Message[];
  /** Whether there are still earlier ones. */
  more: boolean;
}

/** What `send` may be told beside the content. */
export interface SendOptions {
  /**
   * The message's own name. Give the same one again to retry a send that failed: it is stored once.
   * Default: a fresh one, which the error carries as `clientMsgId`.
   */
  clientMsgId?: string;
}

/** What `on` can listen to. */
export interface Events {
  /** The connection changed. */
  state: StateChange;
  /** The dot appeared or went: fired on the transition alone, never for a mere count. */
  dot: { visible: boolean };
  /** The total changed. */
  unread: Unread;
  /** Some conversations' entries changed, appeared or went; `conversations()` has the list. */
  conversations: { changed: string[] };
  /** A new message arrived, in whichever conversation; for toasts and sounds. */
  message: { message: Message; own: boolean; attended: boolean };
  /** Messages for the open conversation's timeline. They are read once every listener returned. */
  delivery: Delivery;
  /** A message was changed, as by a recall. */
  revised: { message: Message };
  /** The server's data was reset: whatever a page shows of it is void; open it again. */
  reset: { epoch: string };
  /** Another user, or nobody, is signed in to this browser now; this client has stopped. */
  signedOut: { user?: string };
}

/** Takes a listener off again. */
export type Unsubscribe = () => void;
