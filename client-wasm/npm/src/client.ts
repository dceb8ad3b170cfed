/**
 * The SDK's one class: listeners and promises over the WebAssembly, which decides everything.
 *
 * Making a client and asking it anything that needs no answer works before the WebAssembly is
 * loaded, so a page that is rendered on a server can make one too.
 */
import { MessageServiceError, UnauthorizedError } from "./errors.js";
import { load, wasm, type Wasm } from "./load.js";
import { conversationOf, type Entry } from "./conversation.js";
import { forget } from "./mirror.js";
import { addressOf, freshId, seed } from "./platform.js";
import type { ApiError, Content, Message, Page, User } from "./protocol.js";
import type {
  ConnectionState,
  Conversation,
  Events,
  History,
  MessageClientOptions,
  Opened,
  SendOptions,
  StateChange,
  TokenRequest,
  Unread,
  Unsubscribe,
} from "./types.js";

type Hands = InstanceType<Wasm["Client"]>;
type Listeners = { [Name in keyof Events]?: Set<(value: Events[Name]) => void> };

interface Call {
  resolve(value: unknown): void;
  reject(error: MessageServiceError): void;
  clientMsgId?: string;
}

const CLOSED: ApiError = {
  code: "closed",
  message: "the client is not connected; call connect() first",
  retryable: false,
};

/** A connection of this tab to the message service. */
export class MessageClient {
  readonly #options: MessageClientOptions;
  readonly #listeners: Listeners = {};
  readonly #calls = new Map<number, Call>();
  #lastTicket = 0;
  #hands: Hands | undefined;
  #page: Page;
  #connecting: Promise<void> | undefined;

  constructor(options: MessageClientOptions) {
    if (typeof options?.getToken !== "function") {
      throw new TypeError("MessageClient needs the option getToken");
    }
    this.#options = options;
    this.#page = options.page ?? "other";
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return (this.#hands?.state as ConnectionState | undefined) ?? "idle";
  }

  /** Who is signed in, once the first session has begun. */
  get user(): User | undefined {
    return this.#hands?.user as User | undefined;
  }

  /** What is unread in all, muted conversations left out. */
  get unread(): Unread {
    return (this.#hands?.unread as Unread | undefined) ?? { total: 0, conversations: 0 };
  }

  /** Whether the dot shows. */
  get dot(): boolean {
    return this.#hands?.dot ?? false;
  }

  /**
   * Loads the WebAssembly if need be, connects, and resolves once live. Rejects only where no retry
   * helps: there is no user, or the client was closed. Called again, it joins the attempt under way.
   */
  connect(): Promise<void> {
    if (this.state === "live") return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    const { Client } = await load();
    const { url = "/", autoRead = true, inboxPage = 50, requestTimeoutMs = 15_000 } = this.#options;
    this.#hands ??= new Client(
      {
        getToken: (reason: TokenRequest["reason"]) => void this.#fetchToken(reason),
        emit: (name: keyof Events, value: never) => this.#emit(name, value),
        settle: (ticket: number, error: ApiError | undefined, value: unknown) =>
          this.#settle(ticket, error, value),
      } as never,
      addressOf(url),
      seed(),
      autoRead,
      inboxPage,
      requestTimeoutMs,
    );
    const hands = this.#hands;
    hands.setPage(this.#page);
    await new Promise<void>((resolve, reject) => {
      const off = this.on("state", ({ state, error }) => {
        if (state !== "live" && state !== "stopped") return;
        off();
        if (state === "live") resolve();
        else reject(error ?? new MessageServiceError(CLOSED));
      });
      hands.connect();
    });
  }

  /** Ends the session and stops. What this browser knows stays for the next page. */
  close(): void {
    this.#hands?.close();
  }

  /**
   * Ends the session, and forgets all that this browser knows of the user. Works without a
   * connection, so that a page that only signs out need not make one.
   */
  signOut(): void {
    this.#hands?.signOut();
    forget();
  }

  /**
   * Listens to an event; returns what takes the listener off again. A listener that throws stops
   * nobody else: what it threw is reported as any uncaught error.
   */
  on<Name extends keyof Events>(
    event: Name,
    listener: (value: Events[Name]) => void,
  ): Unsubscribe {
    const listeners = ((this.#listeners[event] as Set<typeof listener> | undefined) ??= new Set());
    (this.#listeners as Record<Name, unknown>)[event] = listeners;
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** The list so far: pinned conversations first, then the newest. */
  conversations(): Conversation[] {
    return ((this.#hands?.conversations() ?? []) as Entry[]).map(conversationOf);
  }

  /** Adds the list's next page; resolves to whether there is more. */
  loadMore(): Promise<boolean> {
    return this.#ask((hands, ticket) => hands.more(ticket));
  }

  /** One conversation, where it is listed. */
  conversation(id: string): Conversation | undefined {
    const entry = this.#hands?.conversation(id) as Entry | undefined;
    return entry && conversationOf(entry);
  }

  /** The id of the direct conversation with a user. Needs a session, which says who this one is. */
  directWith(user: string): string {
    const own = this.user?.id;
    if (own === undefined) throw new MessageServiceError(CLOSED);
    const id = wasm().directConversation(own, user);
    if (id !== undefined) return id;
    const message = "a direct conversation is with another user, by an id that is one";
    throw new MessageServiceError({ code: "invalid", message, field: "user", retryable: false });
  }

  /**
   * Opens a conversation in this tab, closing the one that was open, and reads it as far as it is
   * delivered, once the page is looked at.
   */
  open(conversation: string): Promise<Opened> {
    return this.#ask((hands, ticket) => hands.open(ticket, conversation));
  }

  /** Closes the open conversation. */
  leave(): void {
    this.#hands?.leave();
  }

  /** Messages earlier than `before`, at most `limit` of them (50 by default, 200 at most). */
  history(
    conversation: string,
    { before, limit }: { before: number; limit?: number },
  ): Promise<History> {
    return this.#ask((hands, ticket) => hands.history(ticket, conversation, before, limit));
  }

  /**
   * Sends a message, and resolves to it as it was stored. A failed send rejects with the
   * `clientMsgId` to try again under: however often it is tried, it is stored once.
   */
  send(
    conversation: string,
    content: Content | string,
    { clientMsgId = freshId() }: SendOptions = {},
  ): Promise<Message> {
    const full = typeof content === "string" ? { kind: "text", text: content } : content;
    return this.#ask(
      (hands, ticket) => hands.send(ticket, conversation, clientMsgId, JSON.stringify(full)),
      clientMsgId,
    );
  }

  /** Reads up to a message that was shown. Only needed with `autoRead: false`. */
  read(conversation: string, seq: number): void {
    rethrow(() => this.#hands?.read(conversation, seq));
  }

  /** Marks a conversation unread by hand: it shows at least 1 until it is opened again. */
  markUnread(conversation: string): Promise<void> {
    return this.#ask((hands, ticket) => hands.mark(ticket, conversation));
  }

  /** Removes a conversation from the list until something new is said in it. */
  remove(conversation: string): Promise<void> {
    return this.#ask((hands, ticket) => hands.clear(ticket, conversation));
  }

  /** Changes the user's choices for a conversation; what is absent stays. */
  configure(
    conversation: string,
    { muted, pinned }: { muted?: boolean; pinned?: boolean },
  ): Promise<void> {
    return this.#ask((hands, ticket) => hands.configure(ticket, conversation, muted, pinned));
  }

  /** Takes an own message back, for everyone. */
  recall(conversation: string, seq: number): Promise<Message> {
    return this.#ask((hands, ticket) => hands.recall(ticket, conversation, seq));
  }

  /** Those of the users who are online and in a direct conversation with this one. */
  presence(users: string[]): Promise<string[]> {
    return this.#ask((hands, ticket) => hands.presence(ticket, users));
  }

  /** Tells which page this tab shows; the dot hides on `"messages"` while it is looked at. */
  setPage(page: Page): void {
    this.#page = page;
    this.#hands?.setPage(page);
  }

  #ask<T>(ask: (hands: Hands, ticket: number) => void, clientMsgId?: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const naming = clientMsgId === undefined ? {} : { clientMsgId };
      if (!this.#hands) return reject(new MessageServiceError({ ...CLOSED, ...naming }));
      const ticket = ++this.#lastTicket;
      this.#calls.set(ticket, { resolve: resolve as Call["resolve"], reject, ...naming });
      try {
        ask(this.#hands, ticket);
      } catch (error) {
        this.#settle(ticket, error as ApiError, undefined);
      }
    });
  }

  #settle(ticket: number, error: ApiError | undefined, value: unknown): void {
    const call = this.#calls.get(ticket);
    this.#calls.delete(ticket);
    if (!call) return;
    if (error === undefined) return call.resolve(value);
    const naming = call.clientMsgId === undefined ? {} : { clientMsgId: call.clientMsgId };
    call.reject(new MessageServiceError({ ...error, ...naming }));
  }

  async #fetchToken(reason: TokenRequest["reason"]): Promise<void> {
    let token: string | undefined;
    let unauthorized = false;
    try {
      token = await this.#options.getToken({ reason });
    } catch (error) {
      unauthorized = error instanceof UnauthorizedError;
      if (!unauthorized) console.warn("message-service: no token, trying again later", error);
    }
    this.#hands?.token(token, unauthorized);
  }

  #emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    if (name === "state") {
      const change = value as StateChange & { error?: ApiError };
      if (change.error) change.error = new MessageServiceError(change.error);
    }
    const listeners = this.#listeners[name] as Set<(value: Events[Name]) => void> | undefined;
    for (const listener of [...(listeners ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

function rethrow(act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new MessageServiceError(error as ApiError);
  }
}
