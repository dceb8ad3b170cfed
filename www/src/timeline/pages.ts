/**
 * What is known of one conversation's messages since it was opened: the newest page, those before it
 * that were fetched, and what arrived since. Opening it again makes another one of these, so what
 * comes back too late for this one changes nothing on the screen.
 */
import type { Message, MessageClient } from "message-service-client";
import { merge } from "./entries.js";

/** What there is before the first message known. */
export type Earlier = "more" | "loading" | "failed" | "none";

/** As much as is fetched at once to reach the first unread message. */
const farthest = 200;

export class Pages {
  readonly conversation: string;
  readonly #client: MessageClient;
  messages: readonly Message[] = [];
  /** The first position that was unread. It stays, whatever is read or arrives. */
  fresh: number | undefined;
  earlier: Earlier = "none";

  constructor(client: MessageClient, conversation: string) {
    this.#client = client;
    this.conversation = conversation;
  }

  async open(): Promise<void> {
    const opened = await this.#client.open(this.conversation);
    // What was delivered while the page was on its way is here already.
    this.take(opened.messages);
    this.fresh = opened.firstUnreadSeq;
    this.earlier = opened.more ? "more" : "none";
    const first = this.#first;
    if (this.fresh === undefined || first <= this.fresh || !opened.more) return;
    // More is new than a page holds; the divider belongs where the new begins.
    await this.goBack(Math.min(farthest, first - this.fresh + 10));
  }

  /** Fetches the page before the first message known. */
  async goBack(limit?: number): Promise<void> {
    if (this.earlier === "loading" || this.messages.length === 0) return;
    this.earlier = "loading";
    try {
      const asked = { before: this.#first, ...(limit !== undefined && { limit }) };
      const { messages, more } = await this.#client.history(this.conversation, asked);
      this.take(messages);
      this.earlier = more ? "more" : "none";
    } catch {
      this.earlier = "failed";
    }
  }

  take(messages: readonly Message[]): void {
    this.messages = merge(this.messages, messages);
  }

  has(seq: number): boolean {
    return this.messages.some((message) => message.seq === seq);
  }

  get #first(): number {
    return this.messages[0]?.seq ?? 0;
  }
}
