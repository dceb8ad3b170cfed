/** What was typed and not sent, one draft for each conversation. */
import { keep, kept, ownKey } from "./kept.js";

export class Drafts {
  readonly #user: string;

  constructor(user: string) {
    this.#user = user;
  }

  get(conversation: string): string {
    return kept(this.#key(conversation));
  }

  set(conversation: string, text: string): void {
    keep(this.#key(conversation), text.trim() === "" ? "" : text);
  }

  #key(conversation: string): string {
    return ownKey(this.#user, `draft:${conversation}`);
  }
}
