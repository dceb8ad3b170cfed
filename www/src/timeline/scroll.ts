/**
 * Where the reader is in a timeline. At the end one stays at the end, whatever arrives or grows;
 * anywhere else, what one reads stays where it is, whatever comes above or below it.
 *
 * The browser's own anchoring is off (`overflow-anchor`): not every browser has it, and it gives up
 * at the very top, which is where history is loaded.
 */

/** So near to the end is at the end. */
const near = 48;

export class Scroll {
  readonly #viewport: HTMLElement;
  readonly #content: HTMLElement;
  #atEnd = true;

  /** `moved` is told whenever the reader may have come somewhere else. */
  constructor(viewport: HTMLElement, content: HTMLElement, moved: () => void) {
    this.#viewport = viewport;
    this.#content = content;
    viewport.addEventListener(
      "scroll",
      () => {
        this.#atEnd = this.#distance() < near;
        moved();
      },
      { passive: true },
    );
    const observer = new ResizeObserver(() => {
      if (this.#atEnd) this.toEnd();
    });
    observer.observe(viewport);
    observer.observe(content);
  }

  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Whether the beginning of what is loaded is less than a screen away. */
  get nearStart(): boolean {
    return this.#viewport.scrollTop < this.#viewport.clientHeight;
  }

  /** Changes the content, and leaves what is being read where it is. */
  keep(change: () => void): void {
    const anchor = this.#atEnd ? undefined : this.#firstVisible();
    const top = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (this.#atEnd) this.toEnd();
    else if (anchor?.isConnected) this.#viewport.scrollTop += anchor.getBoundingClientRect().top - top;
  }

  toEnd(how: "at once" | "smoothly" = "at once"): void {
    this.#atEnd = true;
    const { scrollHeight, clientHeight } = this.#viewport;
    // A long way would be a long blur.
    const far = this.#distance() > clientHeight * 3;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const behavior = how === "smoothly" && !far && !still ? "smooth" : "instant";
    this.#viewport.scrollTo({ top: scrollHeight, behavior });
  }

  /** Brings an element into the upper part, with a little of what came before it. */
  toElement(element: HTMLElement): void {
    const { top } = element.getBoundingClientRect();
    const frame = this.#viewport.getBoundingClientRect();
    this.#viewport.scrollTop += top - frame.top - frame.height * 0.15;
    this.#atEnd = this.#distance() < near;
  }

  #distance(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.#viewport;
    return scrollHeight - scrollTop - clientHeight;
  }

  #firstVisible(): Element | undefined {
    const { top } = this.#viewport.getBoundingClientRect();
    return [...this.#content.children].find((child) => child.getBoundingClientRect().bottom > top);
  }
}
