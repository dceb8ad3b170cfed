/**
 * Forgets what this browser knows, also where no WebAssembly was loaded: a page that signs a user
 * out need not load any.
 */
const PREFIX = "ms:";

export function forget(): void {
  try {
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index)!);
    for (const key of keys.filter((key) => key.startsWith(PREFIX))) localStorage.removeItem(key);
    dispatchEvent(new CustomEvent("ms:change"));
  } catch {
    // A browser without a storage, or with a blocked one, knows nothing.
  }
}
