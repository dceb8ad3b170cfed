/**
 * The messages of one conversation, oldest first. It shows what it is given and reports what is
 * wanted; fetching, sending and recalling are `conversation.ts`'s.
 */
import "../styles/timeline.css";
import type { Conversation, Message } from "message-service-client";
import { tell } from "../clock.js";
import { attribute, element, say } from "../element.js";
import { icon } from "../icons.js";
import { KeyedChildren } from "../keyed.js";
import { step } from "../list/keys.js";
import type { Place } from "../menu.js";
import type { People } from "../people.js";
import { dayName } from "../time.js";
import { language, words } from "../words.js";
import { entries, type Entry, type Outgoing } from "./entries.js";
import { canAct, makeMessage, updateMessage, type Surroundings } from "./message.js";
import type { Earlier } from "./pages.js";
import { Scroll } from "./scroll.js";

export interface TimelineShown {
  name: string;
  kind: Conversation["kind"];
  messages: readonly Message[];
  outgoing: readonly Outgoing[];
  /** The first position that was unread when the conversation was opened. */
  fresh: number | undefined;
  earlier: Earlier;
}

interface Told {
  earlier: () => void;
  menu: (message: Message, place: Place) => void;
  retry: (outgoing: Outgoing) => void;
  discard: (outgoing: Outgoing) => void;
}

export class Timeline {
  readonly #told: Told;
  readonly #people: People;
  readonly #earlier = element("div", { class: "earlier" });
  readonly #list = element("div", { class: "entries" });
  readonly #viewport = element(
    "div",
    // A log by its nature, and silent: the page's live region says what should be heard.
    { class: "timeline", role: "log", "aria-live": "off" },
    this.#earlier,
    this.#list,
  );
  readonly #jumpWords = element("span", {});
  readonly #jump = element(
    "button",
    { class: "button to-latest", type: "button", hidden: true },
    icon("down"),
    this.#jumpWords,
  );
  readonly element = element("div", { class: "timeline-frame" }, this.#viewport, this.#jump);
  readonly #scroll: Scroll;
  readonly #children: KeyedChildren<Entry>;
  #messages: readonly Message[] = [];
  #active = "";
  #missed = 0;

  constructor(people: People, told: Told) {
    this.#people = people;
    this.#told = told;
    const around: Surroundings = {
      people,
      quoted: (seq) => this.#messages.find((message) => message.seq === seq),
      retry: told.retry,
      discard: told.discard,
    };
    this.#children = new KeyedChildren<Entry>(this.#list, {
      key: (entry) => entry.key,
      make: makeEntry,
      update: (made, entry) => updateEntry(made, entry, around),
    });
    this.#scroll = new Scroll(this.#viewport, this.#list, () => this.#moved());
    this.#jump.addEventListener("click", () => {
      this.#scroll.toEnd("smoothly");
      this.#moved();
      this.focus();
    });
    this.#viewport.addEventListener("keydown", (event) => this.#key(event));
    this.#viewport.addEventListener("click", (event) => this.#click(event));
    this.#viewport.addEventListener("contextmenu", (event) => this.#menu(event));
    this.#viewport.addEventListener("focusin", (event) => this.#activate(messageAt(event.target)));
  }

  /** Shows a conversation that was just opened, where reading goes on. */
  open(shown: TimelineShown): void {
    this.#missed = 0;
    this.#active = "";
    this.#fill(shown);
    const divider = this.#children.get("divider");
    this.#scroll.toEnd();
    if (divider) this.#scroll.toElement(divider);
    this.#moved();
  }

  /** Shows the same conversation after something changed. */
  update(shown: TimelineShown, arrived: "arrived" | "sent" | "changed" = "changed", count = 0): void {
    if (arrived === "arrived" && !this.#scroll.atEnd) this.#missed += count;
    this.#scroll.keep(() => this.#fill(shown));
    if (arrived === "sent") this.#scroll.toEnd();
    this.#moved();
  }

  clear(): void {
    this.#missed = 0;
    this.#children.show([]);
    this.#earlier.replaceChildren();
    this.#jump.hidden = true;
  }

  focus(): void {
    this.#children.get(this.#active)?.focus({ preventScroll: true });
  }

  #fill(shown: TimelineShown): void {
    this.#messages = shown.messages;
    attribute(this.#viewport, "aria-label", words.messagesWith(shown.name));
    attribute(this.element, "data-kind", shown.kind);
    this.#showEarlier(shown);
    const all = entries(shown.messages, shown.outgoing, this.#people.me.id, shown.fresh);
    this.#children.show(all);
    const last = all.at(-1);
    if (!this.#children.get(this.#active) && last) this.#active = last.key;
    this.#rove();
  }

  #showEarlier({ earlier, messages, outgoing, name, kind }: TimelineShown): void {
    const empty = messages.length === 0 && outgoing.length === 0 && earlier === "none";
    const state = empty ? "empty" : earlier;
    if (this.#earlier.dataset["state"] === state && !empty) return;
    this.#earlier.dataset["state"] = state;
    this.#earlier.replaceChildren(
      ...(empty
        ? [
            element("p", { class: "hello" }, words.sayHello),
            element("p", {}, kind === "direct" ? words.sayHelloMore(name) : ""),
          ]
        : earlier === "none"
          ? [element("p", {}, words.beginning)]
          : earlier === "failed"
            ? [element("p", {}, words.historyFailed), this.#again()]
            : [element("span", { class: "bone" }), element("span", { class: "bone" })]),
    );
  }

  #again(): HTMLElement {
    const button = element("button", { class: "button", type: "button" }, words.tryAgain);
    button.addEventListener("click", () => this.#told.earlier());
    return button;
  }

  #moved(): void {
    const away = !this.#scroll.atEnd;
    if (!away) this.#missed = 0;
    this.#jump.hidden = !away;
    attribute(
      this.#jump,
      "aria-label",
      this.#missed > 0 ? `${words.toLatestNew(this.#missed)}. ${words.toLatest}` : words.toLatest,
    );
    say(this.#jumpWords, this.#missed > 0 ? words.toLatestNew(this.#missed) : "");
    if (this.#scroll.nearStart && this.#earlier.dataset["state"] === "more") this.#told.earlier();
  }

  #rove(): void {
    for (const child of this.#list.querySelectorAll<HTMLElement>(".message")) {
      attribute(child, "tabindex", child.dataset["key"] === this.#active ? 0 : -1);
    }
  }

  #activate(message: HTMLElement | undefined): void {
    const key = message?.dataset["key"];
    if (key === undefined || key === this.#active) return;
    this.#active = key;
    this.#rove();
  }

  #key(event: KeyboardEvent): void {
    const message = messageAt(event.target);
    if (!message || message !== event.target) return;
    if (event.key === "Enter") {
      // Else the same key would press the first item of the menu that it has just opened.
      event.preventDefault();
      this.#openMenu(message, message.querySelector(".bubble") ?? message);
    }
    if (event.key.startsWith("Page")) return;
    const all = [...this.#list.querySelectorAll<HTMLElement>(".message")];
    const to = step(event.key, all.indexOf(message), all.length);
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
  }

  #click(event: MouseEvent): void {
    const more = event.target instanceof Element && event.target.closest(".message-more");
    const message = messageAt(event.target);
    if (more && message) this.#openMenu(message, more);
  }

  #menu(event: MouseEvent): void {
    const message = messageAt(event.target);
    // A link has the browser's own menu, and so has a selection.
    const other = event.target instanceof Element && event.target.closest("a");
    if (!message || other || getSelection()?.isCollapsed === false) return;
    const byKey = event.button === -1 || (event.clientX === 0 && event.clientY === 0);
    const place = byKey ? message : { x: event.clientX, y: event.clientY };
    if (this.#openMenu(message, place)) event.preventDefault();
  }

  #openMenu(element: HTMLElement, place: Place): boolean {
    const seq = Number(element.dataset["seq"]);
    const message = this.#messages.find((each) => each.seq === seq);
    if (!message || !canAct(message)) return false;
    this.#told.menu(message, place);
    return true;
  }
}

function messageAt(target: EventTarget | null): HTMLElement | undefined {
  return target instanceof Element ? (target.closest<HTMLElement>(".message") ?? undefined) : undefined;
}

function makeEntry(entry: Entry): HTMLElement {
  if (entry.is === "day") return element("h3", { class: "day" }, element("time", {}));
  if (entry.is === "divider")
    return element("div", { class: "divider", role: "separator", "aria-label": words.fresh }, words.fresh);
  return makeMessage();
}

function updateEntry(made: HTMLElement, entry: Entry, around: Surroundings): void {
  if (entry.is === "day") tell(made.firstElementChild as HTMLTimeElement, entry.at, dayName, language);
  if (entry.is === "message") made.dataset["seq"] = String(entry.message.seq);
  if (entry.is === "message" || entry.is === "outgoing") updateMessage(made, entry, around);
}
