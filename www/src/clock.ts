/**
 * Keeps the times on the screen current: "now" turns into 14:05, and today into yesterday, on a
 * page that nobody reloads. What the words are is `time.ts`'s affair.
 */
import { fully, type Language } from "./time.js";

type Wording = (moment: number, present: number, language: Language) => string;

const shown = new Map<HTMLTimeElement, { moment: number; wording: Wording; language: Language }>();

/** Lets a `<time>` say a moment, from now on and for as long as it is in the page. */
export function tell(time: HTMLTimeElement, moment: number, wording: Wording, language: Language): void {
  const known = shown.get(time);
  if (known?.moment !== moment || known.language !== language) {
    time.dateTime = new Date(moment).toISOString();
    time.title = fully(moment, language);
  }
  shown.set(time, { moment, wording, language });
  write(time, wording(moment, Date.now(), language));
  wake();
}

function write(time: HTMLTimeElement, words: string): void {
  if (time.textContent !== words) time.textContent = words;
}

function refresh(): void {
  const present = Date.now();
  for (const [time, { moment, wording, language }] of shown) {
    if (time.isConnected) write(time, wording(moment, present, language));
    else shown.delete(time);
  }
}

let awake = false;

/** One timer for all of them, on the minute, because that is when the words change. */
function wake(): void {
  if (awake) return;
  awake = true;
  const tick = () => {
    refresh();
    setTimeout(tick, 60_050 - (Date.now() % 60_000));
  };
  setTimeout(tick, 60_050 - (Date.now() % 60_000));
  // Timers of a hidden page are late, and those of a sleeping machine later still.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
}
