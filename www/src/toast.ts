/** A sentence that shows for a moment, for what did not work and for what can't be seen otherwise. */
import { announce } from "./announce.js";
import { element } from "./element.js";

let current: HTMLElement | undefined;

export function toast(sentence: string): void {
  current?.remove();
  // The live region says it; here it is for the eyes.
  const shown = element("div", { class: "toast", "aria-hidden": "true" }, sentence);
  current = shown;
  document.body.append(shown);
  announce(sentence);
  setTimeout(() => shown.remove(), 5000);
}
