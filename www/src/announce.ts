/**
 * The page's one live region: what a screen reader says by itself, politely, one thing after
 * another. Everything that should be heard goes through here, so that nothing is said twice.
 */
import { element } from "./element.js";

let region: HTMLElement | undefined;
const waiting: string[] = [];
let speaking = false;

/** How long a sentence stays, so that the next one counts as a change. */
const pause = 400;

export function announce(sentence: string): void {
  region ??= document.body.appendChild(
    element("div", { class: "unseen", role: "status", "aria-live": "polite", "data-testid": "announcer" }),
  );
  // In a busy hour the newest matters; a queue of old ones would be heard for minutes.
  if (waiting.length >= 3) waiting.shift();
  waiting.push(sentence);
  if (!speaking) next();
}

function next(): void {
  const sentence = waiting.shift();
  speaking = sentence !== undefined;
  if (!region || sentence === undefined) return;
  region.textContent = "";
  // The same sentence twice is no change, unless the region was empty in between.
  setTimeout(() => {
    if (region) region.textContent = sentence;
    setTimeout(next, pause);
  }, 50);
}
