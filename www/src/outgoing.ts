/**
 * Messages of one's own on their way: sending, or failed and waiting for a decision. Each keeps its
 * `clientMsgId` for as long as it lives, so trying again can never store it twice; and it lives over
 * a reload, since nobody should lose what they have pressed Enter for.
 */
import { MessageServiceError, type Content, type Message } from "message-service-client";
import { excuse } from "./excuse.js";
import { keep, kept, ownKey } from "./kept.js";
import type { Outgoing } from "./timeline/entries.js";
import { words } from "./words.js";

/** What a browser brings back after longer than this is not sent without being asked. */
const freshFor = 60 * 60_000;

type Send = (conversation: string, content: Content, options: { clientMsgId: string }) => Promise<Message>;

interface Told {
  /** Something about a conversation's outgoing messages changed. */
  changed: (conversation: string) => void;
  sent: (message: Message) => void;
  failed: (outgoing: Outgoing) => void;
}

export class Outbox {
  readonly #key: string;
  readonly #send: Send;
  readonly #told: Told;
  #all: Outgoing[];

  constructor(user: string, send: Send, told: Told) {
    this.#key = ownKey(user, "outbox");
    this.#send = send;
    this.#told = told;
    this.#all = read(this.#key);
  }

  /** Sends what an earlier page of this tab left on its way. */
  resume(): void {
    for (const outgoing of this.#all) {
      if (outgoing.failed !== undefined) continue;
      if (Date.now() - outgoing.at < freshFor) void this.#attempt(outgoing);
      else outgoing.failed = words.didNotWork;
    }
  }

  of(conversation: string): Outgoing[] {
    return this.#all.filter((each) => each.conversation === conversation);
  }

  send(conversation: string, content: Content): void {
    const outgoing = { clientMsgId: freshName(), conversation, content, at: Date.now() };
    this.#all.push(outgoing);
    void this.#attempt(outgoing);
  }

  retry(outgoing: Outgoing): void {
    delete outgoing.failed;
    void this.#attempt(outgoing);
  }

  discard(outgoing: Outgoing): void {
    this.#end(outgoing);
    this.#told.changed(outgoing.conversation);
  }

  #end(outgoing: Outgoing): void {
    this.#all = this.#all.filter((each) => each !== outgoing);
    this.#keep();
  }

  #keep(): void {
    keep(this.#key, this.#all.length > 0 ? JSON.stringify(this.#all) : "");
  }

  async #attempt(outgoing: Outgoing): Promise<void> {
    const { conversation, content, clientMsgId } = outgoing;
    this.#keep();
    this.#told.changed(conversation);
    try {
      const message = await this.#send(conversation, content, { clientMsgId });
      this.#end(outgoing);
      this.#told.sent(message);
    } catch (error) {
      if (error instanceof MessageServiceError && error.clientMsgId) outgoing.clientMsgId = error.clientMsgId;
      outgoing.failed = excuse(error);
      this.#keep();
      this.#told.failed(outgoing);
      this.#told.changed(conversation);
    }
  }
}

/** What is kept is ours, and was written by this version of the page or an earlier one. */
function read(key: string): Outgoing[] {
  try {
    const found: unknown = JSON.parse(kept(key));
    return Array.isArray(found) ? (found as Outgoing[]) : [];
  } catch {
    return [];
  }
}

/** `crypto.randomUUID` would be shorter, and is missing where a page comes without TLS. */
function freshName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
