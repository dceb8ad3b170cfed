/**
 * How the keyboard moves through a list: arrows, Home, End, and typing the beginning of a name.
 *
 * Pure: an index and a key go in, an index comes out. Focus and the elements are the view's.
 */

/** Where a key leads from `at`, in a list of `count`; `undefined` where it leads nowhere. */
export function step(key: string, at: number, count: number): number | undefined {
  if (count === 0) return undefined;
  switch (key) {
    case "ArrowDown":
      return Math.min(at + 1, count - 1);
    case "ArrowUp":
      return Math.max(at - 1, 0);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    case "PageDown":
      return Math.min(at + 10, count - 1);
    case "PageUp":
      return Math.max(at - 10, 0);
    default:
      return undefined;
  }
}

/** After this many milliseconds without a key, the next one begins another word. */
const pause = 700;

/** Finds entries by the beginning of their names as they are typed. */
export class TypeAhead {
  #typed = "";
  #last = -Infinity;

  /** Whether a space belongs to the word that is being typed, and so presses nothing. */
  isTyping(now: number): boolean {
    return this.#typed !== "" && now - this.#last < pause;
  }

  /**
   * Takes a typed character and says which entry it leads to. The same letter again and again goes
   * from one entry with that letter to the next.
   */
  find(character: string, names: readonly string[], at: number, now: number): number | undefined {
    if (now - this.#last >= pause) this.#typed = "";
    this.#last = now;
    this.#typed += character.toLocaleLowerCase();
    const letters = [...this.#typed];
    const first = letters[0] ?? "";
    const repeated = letters.every((letter) => letter === first);
    const wanted = repeated ? first : this.#typed;
    const from = repeated ? at + 1 : at;
    for (let offset = 0; offset < names.length; offset += 1) {
      const index = (from + offset) % names.length;
      if (names[index]?.toLocaleLowerCase().startsWith(wanted)) return index;
    }
    return undefined;
  }
}
