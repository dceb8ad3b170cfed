/**
 * Says that the connection is gone, and when it is tried again. Only after a moment: most
 * interruptions are over before anybody could have read about them.
 */
import type { StateChange } from "message-service-client";
import { announce } from "./announce.js";
import { element, find, say } from "./element.js";
import { icon } from "./icons.js";
import { words } from "./words.js";

/** Milliseconds without a connection before it says so. */
const patience = 1500;

export class Banner {
  readonly #banner = find("banner");
  readonly #text = element("span", { class: "banner-text" });
  readonly #button = element("button", { class: "link-button", type: "button", hidden: true }, words.reload);
  #wait: ReturnType<typeof setTimeout> | undefined;
  #count: ReturnType<typeof setInterval> | undefined;
  #retryAt = 0;
  #state: StateChange["state"] = "idle";
  #wasLive = false;
  #ending = words.stopped;

  constructor() {
    this.#banner.append(icon("warning"), this.#text, this.#button);
    this.#button.addEventListener("click", () => location.reload());
  }

  show({ state, retryInMs }: StateChange): void {
    this.#state = state;
    this.#retryAt = state === "waiting" ? Date.now() + (retryInMs ?? 0) : 0;
    this.#wasLive ||= state === "live";
    if (state === "live") this.#hide();
    else if (state === "stopped") this.#stop(this.#ending);
    else if (this.#banner.hidden) this.#wait ??= setTimeout(() => this.#reveal(), patience);
    else this.#write();
  }

  /** Somebody else is signed in to this browser now; only another page load helps. */
  signedOut(): void {
    // The connection ends with it, which is no news of its own.
    this.#ending = words.signedOutElsewhere;
    this.#stop(this.#ending);
  }

  /** The main app itself does not answer, so that not even a first attempt is made. */
  unreachable(): void {
    this.#stop(words.unreachable);
  }

  #hide(): void {
    this.#clear();
    if (!this.#banner.hidden) announce(words.backOnline);
    this.#banner.hidden = true;
  }

  #stop(sentence: string): void {
    this.#clear();
    say(this.#text, sentence);
    this.#button.hidden = false;
    this.#banner.hidden = false;
    announce(sentence);
  }

  #reveal(): void {
    this.#wait = undefined;
    this.#banner.hidden = false;
    this.#write();
    announce(this.#text.textContent ?? "");
    this.#count = setInterval(() => this.#write(), 1000);
  }

  /** The seconds are for the eyes; a live region that counts would never be quiet. */
  #write(): void {
    const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
    const next = this.#state === "waiting" && seconds > 0 ? words.retryIn(seconds) : words.retryingNow;
    // The first time, nothing was lost yet.
    const first = !this.#wasLive && this.#state === "connecting";
    say(this.#text, first ? words.connecting : `${words.offline} ${next}`);
  }

  #clear(): void {
    clearTimeout(this.#wait);
    clearInterval(this.#count);
    this.#wait = undefined;
  }
}
