/**
 * Keeps the children of an element in step with a list: an entry keeps its element for as long as
 * its key is there, so focus, selection and scroll positions survive every change around them.
 */

interface Keyed<Entry> {
  key: (entry: Entry) => string;
  make: (entry: Entry) => HTMLElement;
  update: (element: HTMLElement, entry: Entry) => void;
}

export class KeyedChildren<Entry> {
  readonly #parent: HTMLElement;
  readonly #how: Keyed<Entry>;
  #elements = new Map<string, HTMLElement>();

  constructor(parent: HTMLElement, how: Keyed<Entry>) {
    this.#parent = parent;
    this.#how = how;
  }

  get(key: string): HTMLElement | undefined {
    return this.#elements.get(key);
  }

  /** Shows these entries in this order, and nothing else. */
  show(entries: readonly Entry[]): void {
    const next = new Map<string, HTMLElement>();
    for (const entry of entries) {
      const key = this.#how.key(entry);
      const element = this.#elements.get(key) ?? this.#how.make(entry);
      element.dataset["key"] = key;
      this.#how.update(element, entry);
      next.set(key, element);
    }
    for (const [key, element] of this.#elements) if (!next.has(key)) element.remove();
    this.#elements = next;
    this.#putInOrder([...next.values()]);
  }

  /** An element that is moved loses its focus, so it gets it back. */
  #putInOrder(wanted: HTMLElement[]): void {
    const focused = document.activeElement;
    let place = this.#parent.firstElementChild;
    for (const element of wanted) {
      if (element === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(element, place);
    }
    if (
      focused instanceof HTMLElement &&
      focused !== document.activeElement &&
      this.#parent.contains(focused)
    ) {
      focused.focus({ preventScroll: true });
    }
  }
}
