/**
 * Where one writes. Enter sends and Shift+Enter begins a new line, except while an input method is
 * still making up its word: that Enter is the input method's.
 */
import { announce } from "./announce.js";
import { attribute, element, say } from "./element.js";
import { icon } from "./icons.js";
import { words } from "./words.js";

/** The service's limit, in characters as people count them and not in UTF-16. */
const most = 8000;
/** So near to it, the composer begins to count. */
const near = 500;

interface Told {
  send: (text: string) => void;
  typed: (text: string) => void;
}

export class Composer {
  readonly #told: Told;
  readonly #field = element("textarea", {
    rows: 1,
    dir: "auto",
    enterkeyhint: "send",
    "aria-describedby": "composer-hint composer-count",
  });
  readonly #count = element("p", { class: "composer-count", id: "composer-count", hidden: true });
  readonly #button = element(
    "button",
    { class: "send", type: "submit", "aria-label": words.send },
    icon("send"),
  );
  readonly element = element(
    "form",
    { class: "composer" },
    element("p", { class: "unseen", id: "composer-hint" }, words.composerHint),
    this.#count,
    element("div", { class: "composer-row" }, this.#field, this.#button),
  );

  constructor(told: Told) {
    this.#told = told;
    this.#field.addEventListener("input", () => {
      this.#look();
      told.typed(this.#field.value);
    });
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Makes it write to somebody, with what was begun there before. */
  address(name: string, draft: string): void {
    attribute(this.#field, "aria-label", words.writeTo(name));
    this.#field.placeholder = words.write;
    this.#field.value = draft;
    this.#look();
  }

  focus(): void {
    this.#field.focus({ preventScroll: true });
  }

  /** Fits the field to its text where the browser can't (`field-sizing`). */
  #fit(): void {
    if (CSS.supports("field-sizing", "content")) return;
    // The form keeps its size while the field is measured, or the timeline above would scroll.
    this.element.style.blockSize = `${this.element.offsetHeight}px`;
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight + 2}px`;
    this.element.style.blockSize = "";
  }

  #key(event: KeyboardEvent): void {
    // 229 is what Safari says when the Enter that ends a composition comes after its end.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || event.altKey || composing) return;
    event.preventDefault();
    this.#send();
  }

  #send(): void {
    const text = this.#field.value.trim();
    if (text === "") return;
    const over = [...text].length - most;
    if (over > 0) {
      announce(words.charactersOver(over));
      return;
    }
    this.#field.value = "";
    this.#look();
    this.#told.typed("");
    this.#told.send(text);
    this.focus();
  }

  #look(): void {
    this.#fit();
    const text = this.#field.value.trim();
    const left = most - [...text].length;
    this.#count.hidden = left > near;
    this.#count.classList.toggle("is-over", left < 0);
    say(this.#count, left > near ? "" : left < 0 ? words.charactersOver(-left) : words.charactersLeft(left));
    attribute(this.#field, "aria-invalid", left < 0 && "true");
    // It stays a button that can be reached; what is wrong is said when it is pressed.
    attribute(this.#button, "aria-disabled", (text === "" || left < 0) && "true");
  }
}
