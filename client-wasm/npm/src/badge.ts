/**
 * The entry `message-service-client/badge`: the red dot for pages that have no use for the whole
 * SDK. It shows what this browser last knew, out of localStorage, so it can paint before a single
 * byte was fetched.
 *
 * No WebAssembly and no socket here, and nothing is written: the SDK on the message page keeps
 * the storage right.
 */
import { MessageServiceError } from "./errors.js";
import type { ApiError } from "./protocol.js";
import type { TokenRequest, Unsubscribe } from "./types.js";

/** What {@link badge} takes. */
export interface BadgeOptions {
  /** Who is signed in. Another user's messages are not shown. Default: who was last. */
  user?: string;
  /** Where the service is, as for `MessageClient`; only `refresh` needs it. Default: `/`. */
  url?: string;
  /** Fetches a token from the main app; only `refresh` needs it. */
  getToken?: (request: TokenRequest) => Promise<string>;
}

/** The red dot. */
export interface Badge {
  /** Unread messages, muted conversations left out. */
  readonly total: number;
  /** Whether the dot shows. */
  readonly visible: boolean;
  /** Listens for changes of either. */
  on(listener: (badge: Badge) => void): Unsubscribe;
  /** Asks the server once, and shows its answer until this browser knows something newer. */
  refresh(): Promise<void>;
  /** Stops following; what it shows stays as it is. */
  stop(): void;
}

const PREFIX = "ms:";
/**
 * Milliseconds that a message may be held back while another tab or device looks at its
 * conversation. A hold that lasts longer comes from a clock that was set back.
 */
const LONGEST_HOLD = 1000;

/** What the mirror says; `text` is all of it, to see whether it changed. */
interface Mirror {
  user?: unknown;
  total: number;
  text: string;
  /** When a held entry begins to count. */
  wakeAt: number;
}

type Entry = { v?: unknown; user?: unknown; epoch?: unknown; n?: number; last?: number; showAt?: number; seq?: number };

/** A broken entry says nothing, and so does any value that is no object. */
function parse(text: string | null | undefined): Entry {
  try {
    return Object(JSON.parse(text!));
  } catch {
    return {};
  }
}

/** Every entry under the prefix; none where the browser has no storage or blocks it. */
function entries(): Map<string, string> {
  const found = new Map<string, string>();
  try {
    for (let index = localStorage.length; index--; ) {
      const key = localStorage.key(index)!;
      if (key.startsWith(PREFIX)) found.set(key.slice(PREFIX.length), localStorage.getItem(key)!);
    }
  } catch {}
  return found;
}

function readMirror(now: number): Mirror {
  const all = entries();
  const head = parse(all.get("head"));
  const mirror: Mirror = { total: 0, text: [...all].sort().join(), wakeAt: Infinity };
  if (head.v !== 1) return mirror;
  mirror.user = head.user;
  for (const [key, text] of all) {
    const { n, last, showAt } = parse(text);
    const counts = n! > 0 && Number.isInteger(n);
    if (!counts || !/^(c:|more$)/.test(key)) continue;
    const { seq, epoch } = parse(all.get("r" + key.slice(1)));
    if (last! <= seq! && epoch === head.epoch) continue;
    if (showAt! > now && showAt! <= now + LONGEST_HOLD) {
      mirror.wakeAt = Math.min(mirror.wakeAt, showAt!);
    } else {
      mirror.total += n!;
    }
  }
  return mirror;
}

/** Follows what this browser knows of a user's unread messages. */
export function badge({ user, url = "/", getToken }: BadgeOptions = {}): Badge {
  const listeners = new Set<(badge: Badge) => void>();
  let mirror: Mirror;
  let total = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The server's last answer, and whether it is newer than the mirror. */
  let etag: string | null = null;
  let answer = 0;
  let answerHolds = false;

  function show(): void {
    clearTimeout(timer);
    const now = Date.now();
    const before = mirror?.text;
    mirror = readMirror(now);
    if (before !== mirror.text) answerHolds = false;
    if (mirror.wakeAt < Infinity) timer = setTimeout(show, mirror.wakeAt - now);
    const mirrored = user === undefined || user === mirror.user ? mirror.total : 0;
    const next = answerHolds ? answer : mirrored;
    if (next === total) return;
    total = next;
    for (const listener of [...listeners]) {
      try {
        listener(self);
      } catch (error) {
        // One listener's mistake is reported like any other, and stops no one else.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  function follow(event: Event): void {
    const { key } = event as StorageEvent;
    if (key == null || key.startsWith(PREFIX)) show();
  }

  // A page that was frozen or kept for going back has missed what happened meanwhile.
  const events = ["storage", "ms:change", "pageshow", "visibilitychange"];
  const self: Badge = {
    get total() {
      return total;
    },
    get visible() {
      return total > 0;
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async refresh() {
      if (!getToken) throw new TypeError("refresh() needs the option getToken");
      const asked = mirror.text;
      const headers: Record<string, string> = {
        authorization: "Bearer " + (await getToken({ reason: "connect" })),
      };
      if (etag) headers["if-none-match"] = etag;
      const address = url.replace(/^ws/, "http").replace(/\/$/, "") + "/v1/unread";
      const response = await fetch(address, { headers, cache: "no-store" });
      if (response.ok) {
        answer = (await response.json()).total;
        etag = response.headers.get("etag");
      } else if (response.status !== 304) {
        throw new MessageServiceError(await problem(response));
      }
      show();
      // Whoever wrote the mirror meanwhile has a session, and knows better.
      answerHolds = asked === mirror.text;
      show();
    },
    stop() {
      clearTimeout(timer);
      for (const name of events) globalThis.removeEventListener?.(name, follow);
    },
  };
  for (const name of events) globalThis.addEventListener?.(name, follow);
  show();
  return self;
}

/** The error that the server told, or one for an answer that is not the service's own. */
async function problem(response: Response): Promise<ApiError> {
  try {
    const error = await response.json();
    if (error.code) return { ...error, message: error.message ?? error.detail ?? error.title };
  } catch {}
  const { status } = response;
  return { code: "unavailable", message: `the server answered ${status}`, retryable: status > 499 };
}
