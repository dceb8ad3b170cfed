/** What was pushed from here, to take it back. It outlives a page, not the tab. */
import { tell } from "../clock.js";
import { element, say } from "../element.js";
import { keep, kept } from "../kept.js";
import { recall, type Pushed } from "../main-app.js";
import { briefly } from "../time.js";
import { language, words } from "../words.js";

export interface PushedNow {
  title: string;
  to: string;
  at: number;
  messages: Pushed[];
  recalled?: boolean;
}

const key = "pushed";
const most = 20;

export class History {
  readonly element = element("ul", { class: "pushed", "aria-labelledby": "pushed-title" });
  #all = read();

  constructor() {
    this.#show();
  }

  add(pushed: PushedNow): void {
    this.#all = [pushed, ...this.#all].slice(0, most);
    this.#show();
  }

  #show(): void {
    write(this.#all);
    const none = element("li", { class: "pushed-none" }, words.pushedNone);
    this.element.replaceChildren(
      ...(this.#all.length > 0 ? this.#all.map((each) => this.#item(each)) : [none]),
    );
  }

  #item(pushed: PushedNow): HTMLElement {
    const time = element("time", {});
    tell(time, pushed.at, briefly, language);
    const button = element(
      "button",
      { class: "button", type: "button", disabled: pushed.recalled === true },
      pushed.recalled ? words.recalled : words.recallPush,
    );
    const complaint = element("span", { role: "alert" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await Promise.all(pushed.messages.map(recall));
        pushed.recalled = true;
        write(this.#all);
        say(button, words.recalled);
        say(complaint, "");
      } catch {
        button.disabled = false;
        say(complaint, words.didNotWork);
      }
    });
    return element(
      "li",
      {},
      element(
        "div",
        { class: "pushed-words" },
        element("b", { dir: "auto" }, pushed.title),
        element("span", {}, `${pushed.to} · `, time),
        complaint,
      ),
      button,
    );
  }
}

function read(): PushedNow[] {
  try {
    const all: unknown = JSON.parse(kept(key));
    return Array.isArray(all) ? (all as PushedNow[]) : [];
  } catch {
    return [];
  }
}

function write(all: readonly PushedNow[]): void {
  keep(key, JSON.stringify(all));
}
