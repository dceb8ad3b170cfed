/**
 * The list of conversations: a listbox in which one row can be reached by Tab, and the others from
 * there by keys. What a row shows is `row.ts`'s, in which order `order.ts`'s.
 */
import "../styles/list.css";
import { attribute, element } from "../element.js";
import { KeyedChildren } from "../keyed.js";
import type { Place } from "../menu.js";
import { words } from "../words.js";
import { step, TypeAhead } from "./keys.js";
import { makeRow, updateRow, type RowShown } from "./row.js";

interface Told {
  open: (conversation: string) => void;
  menu: (conversation: string, place: Place) => void;
  /** The end of the list came near. */
  end: () => void;
}

export class ConversationList {
  readonly #told: Told;
  readonly element = element("div", {
    class: "rows",
    role: "listbox",
    "aria-label": words.conversations,
    "aria-description": words.listHint,
    "aria-busy": "true",
  });
  readonly #rows = new KeyedChildren<RowShown>(this.element, {
    key: (shown) => shown.conversation.id,
    make: makeRow,
    update: updateRow,
  });
  readonly #typed = new TypeAhead();
  #shown: readonly RowShown[] = [];
  #active = "";

  constructor(told: Told) {
    this.#told = told;
    this.element.append(...Array.from({ length: 7 }, skeleton));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("click", (event) => this.#click(event));
    this.element.addEventListener("contextmenu", (event) => this.#menu(event));
    this.element.addEventListener("focusin", (event) => this.#activate(rowOf(event.target)));
    this.element.addEventListener("scroll", () => this.#near(), { passive: true });
  }

  show(rows: readonly RowShown[]): void {
    if (this.element.ariaBusy === "true") {
      this.element.replaceChildren();
      attribute(this.element, "aria-busy", "false");
    }
    const focused = this.element.contains(document.activeElement);
    const at = this.#shown.findIndex((row) => row.conversation.id === this.#active);
    this.#shown = rows;
    this.#rows.show(rows);
    if (!this.#rows.get(this.#active)) {
      // What stands in the place of a row that went is the next to go on from.
      const next = rows.find((row) => row.selected) ?? rows[Math.min(at, rows.length - 1)] ?? rows[0];
      this.#active = next?.conversation.id ?? "";
    }
    this.#rove();
    if (focused && !this.element.contains(document.activeElement)) this.focus(this.#active);
  }

  focus(conversation: string): void {
    (this.#rows.get(conversation) ?? this.#rows.get(this.#active))?.focus();
  }

  #rove(): void {
    for (const { conversation } of this.#shown) {
      attribute(this.#rows.get(conversation.id)!, "tabindex", conversation.id === this.#active ? 0 : -1);
    }
  }

  #activate(id: string | undefined): void {
    if (id === undefined || id === this.#active) return;
    this.#active = id;
    this.#rove();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#shown.findIndex((row) => row.conversation.id === this.#active);
    const { key, timeStamp } = event;
    if (key === "Enter" || (key === " " && !this.#typed.isTyping(timeStamp))) {
      event.preventDefault();
      if (this.#active) this.#told.open(this.#active);
      return;
    }
    const names = this.#shown.map((row) => row.face.name);
    const to =
      step(key, at, this.#shown.length) ??
      ([...key].length === 1 ? this.#typed.find(key, names, at, timeStamp) : undefined);
    const row = to === undefined ? undefined : this.#shown[to];
    if (!row) return;
    event.preventDefault();
    this.focus(row.conversation.id);
  }

  #click(event: MouseEvent): void {
    const id = rowOf(event.target);
    if (id === undefined) return;
    const more = (event.target as Element).closest(".row-more");
    if (more) this.#told.menu(id, more);
    else this.#told.open(id);
  }

  /** The menu key and Shift+F10 arrive here too, without a place of their own. */
  #menu(event: MouseEvent): void {
    const id = rowOf(event.target);
    if (id === undefined) return;
    event.preventDefault();
    const { clientX: x, clientY: y } = event;
    const row = this.#rows.get(id);
    const byKey = event.button === -1 || (x === 0 && y === 0);
    if (row) this.#told.menu(id, byKey ? row : { x, y });
  }

  #near(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (scrollHeight - scrollTop - clientHeight < 400) this.#told.end();
  }
}

function rowOf(target: EventTarget | null): string | undefined {
  return target instanceof Element ? target.closest<HTMLElement>(".row")?.dataset["key"] : undefined;
}

function skeleton(): HTMLElement {
  return element(
    "div",
    { class: "row is-bone", "aria-hidden": "true" },
    element("span", { class: "bone avatar-bone" }),
    element("span", { class: "bone row-name" }),
    element("span", { class: "bone row-said" }),
  );
}
