/**
 * As much of a browser as the badge needs: a storage, and a window that events happen on.
 */

/** A Storage that keeps its keys in order of insertion. */
export class FakeStorage {
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  key(index) {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    this.#items.set(key, value);
  }

  removeItem(key) {
    this.#items.delete(key);
  }
}

/** Makes this process look like a page until the test is over. */
export function page(test) {
  const window = new EventTarget();
  const storage = new FakeStorage();
  const before = Object.getOwnPropertyDescriptors(globalThis);
  const fakes = {
    localStorage: storage,
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
  };
  for (const [name, value] of Object.entries(fakes)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  test.after(() => {
    for (const name of Object.keys(fakes)) {
      if (before[name]) Object.defineProperty(globalThis, name, before[name]);
      else delete globalThis[name];
    }
  });
  const put = (key, value) => storage.setItem(key, JSON.stringify(value));
  return {
    storage,
    /** Writes entries, and tells nobody. */
    write(entries) {
      for (const [key, value] of Object.entries(entries)) put(key, value);
    },
    /** Writes as another tab does. */
    otherTabWrites(entries) {
      for (const [key, value] of Object.entries(entries)) {
        put(key, value);
        window.dispatchEvent(Object.assign(new Event("storage"), { key }));
      }
    },
    /** Writes as the SDK in the same tab does. */
    thisTabWrites(entries) {
      for (const [key, value] of Object.entries(entries)) put(key, value);
      window.dispatchEvent(new Event("ms:change"));
    },
    happens: (name) => window.dispatchEvent(new Event(name)),
  };
}

/** A head of the mirror. */
export function head(user = "alice") {
  return { v: 1, user, login: "l1", epoch: "e1" };
}
