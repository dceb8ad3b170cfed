/**
 * Moments in the words that people use for them.
 *
 * Pure: the moment, the present and the language come in, so a test can say what time it is.
 * Keeping the words on the screen current is `clock.ts`'s work.
 */

/** The languages that the pages speak. */
export type Language = "en" | "zh";

/** The only words about time that `Intl` has no good ones for. */
const near = {
  en: { now: "now", today: "Today", yesterday: "Yesterday" },
  zh: { now: "刚刚", today: "今天", yesterday: "昨天" },
} satisfies Record<Language, Record<string, string>>;

const locales = { en: "en-GB", zh: "zh-CN" } satisfies Record<Language, string>;

const minute = 60_000;
const day = 24 * 60 * minute;

/** How many midnights lie between two moments; days differ in length, calendars don't mind. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / day);
}

function startOfDay(moment: number): number {
  const date = new Date(moment);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
}

function sameYear(one: number, other: number): boolean {
  return new Date(one).getFullYear() === new Date(other).getFullYear();
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format is slow, and a list asks for the same few hundreds of times. */
function format(moment: number, language: Language, options: Intl.DateTimeFormatOptions): string {
  const key = language + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locales[language], options);
    formats.set(key, made);
  }
  return made.format(moment);
}

/** `14:05`. */
export function clockTime(moment: number, language: Language): string {
  return format(moment, language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/**
 * As the list says when something was said last: `now`, `14:05`, `Yesterday`, `Mon`, `3 May`,
 * `3 May 2019`. A moment in the near future is `now`: two clocks seldom agree.
 */
export function briefly(moment: number, present: number, language: Language): string {
  const days = daysBetween(moment, present);
  if (moment > present - minute && days <= 0) return near[language].now;
  if (days === 0) return clockTime(moment, language);
  if (days === 1) return near[language].yesterday;
  if (days < 7) return format(moment, language, { weekday: "short" });
  if (sameYear(moment, present)) return format(moment, language, { day: "numeric", month: "short" });
  return format(moment, language, { day: "numeric", month: "short", year: "numeric" });
}

/** As a day's header in a conversation: `Today`, `Yesterday`, `Monday`, `Sunday 3 May`. */
export function dayName(moment: number, present: number, language: Language): string {
  const days = daysBetween(moment, present);
  if (days <= 0) return near[language].today;
  if (days === 1) return near[language].yesterday;
  if (days < 7) return format(moment, language, { weekday: "long" });
  const year = sameYear(moment, present) ? {} : ({ year: "numeric" } as const);
  return format(moment, language, { weekday: "long", day: "numeric", month: "long", ...year });
}

/** In full, for whoever asks. */
export function fully(moment: number, language: Language): string {
  return format(moment, language, { dateStyle: "full", timeStyle: "short" });
}
