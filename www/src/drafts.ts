/**
 * What was typed and not sent, one draft for each user and conversation. They live as long as the
 * tab does; where the browser keeps nothing, as long as the page.
 */

const prefix = "fernrow:draft:";
const unkept = new Map<string, string>();

export class Drafts {
  readonly #prefix: string;

  constructor(user: string) {
    this.#prefix = `${prefix}${user}:`;
  }

  get(conversation: string): string {
    const key = this.#prefix + conversation;
    try {
      return sessionStorage.getItem(key) ?? unkept.get(key) ?? "";
    } catch {
      return unkept.get(key) ?? "";
    }
  }

  set(conversation: string, text: string): void {
    const key = this.#prefix + conversation;
    unkept.delete(key);
    try {
      if (text.trim() === "") sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
    } catch {
      // Full or forbidden.
      unkept.set(key, text);
    }
  }
}

/** Forgets every draft of everybody, as on signing out. */
export function forgetDrafts(): void {
  unkept.clear();
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(prefix)) sessionStorage.removeItem(key);
    }
  } catch {
    // A storage that can't be reached holds none.
  }
}
