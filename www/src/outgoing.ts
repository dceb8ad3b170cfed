/**
 * Messages of one's own on their way: sending, or failed and waiting for a decision. Each keeps its
 * `clientMsgId` for as long as it lives, so trying again can never store it twice.
 */
import { MessageServiceError, type Content, type Message } from "message-service-client";
import { excuse } from "./excuse.js";
import type { Outgoing } from "./timeline/entries.js";

type Send = (conversation: string, content: Content, options: { clientMsgId: string }) => Promise<Message>;

interface Told {
  /** Something about a conversation's outgoing messages changed. */
  changed: (conversation: string) => void;
  sent: (message: Message) => void;
  failed: (outgoing: Outgoing) => void;
}

export class Outbox {
  readonly #send: Send;
  readonly #told: Told;
  #all: Outgoing[] = [];

  constructor(send: Send, told: Told) {
    this.#send = send;
    this.#told = told;
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
    this.#all = this.#all.filter((each) => each !== outgoing);
    this.#told.changed(outgoing.conversation);
  }

  async #attempt(outgoing: Outgoing): Promise<void> {
    const { conversation, content, clientMsgId } = outgoing;
    this.#told.changed(conversation);
    try {
      const message = await this.#send(conversation, content, { clientMsgId });
      this.#all = this.#all.filter((each) => each !== outgoing);
      this.#told.sent(message);
    } catch (error) {
      if (error instanceof MessageServiceError && error.clientMsgId) outgoing.clientMsgId = error.clientMsgId;
      outgoing.failed = excuse(error);
      this.#told.failed(outgoing);
      this.#told.changed(conversation);
    }
  }
}

/** `crypto.randomUUID` would be shorter, and is missing where a page comes without TLS. */
function freshName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
