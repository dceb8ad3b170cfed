/**
 * What this tab keeps over a reload, until it is closed; where the browser keeps nothing, as long as
 * the page. Nothing here is shared with other tabs: each has its own.
 */

const prefix = "fernrow:";
const users = "user:";
const unkept = new Map<string, string>();

/** The key of something that is one user's own. */
export function ownKey(user: string, what: string): string {
  return `${users}${user}:${what}`;
}

/** What is kept under a key; nothing is an empty text. */
export function kept(key: string): string {
  try {
    return unkept.get(key) ?? sessionStorage.getItem(prefix + key) ?? "";
  } catch {
    return "";
  }
}

/** Keeps a text under a key; an empty one is forgotten. */
export function keep(key: string, text: string): void {
  unkept.delete(key);
  try {
    if (text === "") sessionStorage.removeItem(prefix + key);
    else sessionStorage.setItem(prefix + key, text);
  } catch {
    // Full or forbidden.
    unkept.set(key, text);
  }
}

/** Forgets what is anybody's own, as on signing out. */
export function forgetUsers(): void {
  for (const key of [...unkept.keys()]) if (key.startsWith(users)) unkept.delete(key);
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(prefix + users)) sessionStorage.removeItem(key);
    }
  } catch {
    // A storage that can't be reached holds nothing.
  }
}
