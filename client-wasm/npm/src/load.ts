/**
 * Loads the WebAssembly, once a page. Importing this file loads nothing, so a server that renders
 * pages can import the SDK too.
 *
 * By default the module is fetched from beside this file. Where that gives no WebAssembly (a
 * development server that moved this file, a host without its media type, Node), a copy inside a
 * script of its own is loaded in its place; nobody else downloads that copy.
 */
import instantiate, * as exported from "./wasm/message_client.js";
import type { WasmSource } from "./types.js";

/**
 * What the WebAssembly exports.
 * @internal
 */
export type Wasm = typeof exported;

let loading: Promise<Wasm> | undefined;
let loaded: Wasm | undefined;

/**
 * Loads the WebAssembly, unless it was loaded before; after a failure the next call tries again.
 * `connect()` calls it by itself, so a page needs it only to load early, or from elsewhere.
 */
export async function init(source?: WasmSource): Promise<void> {
  await load(source);
}

/**
 * As {@link init}, and hands over what was loaded.
 * @internal
 */
export function load(source?: WasmSource): Promise<Wasm> {
  loading ??= loadFrom(source).then(
    () => (loaded = exported),
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

/**
 * What was loaded; an error that says what to do where nothing was.
 * @internal
 */
export function wasm(): Wasm {
  if (!loaded) throw new Error("call and await init() or connect() first");
  return loaded;
}

async function loadFrom(source: WasmSource | undefined): Promise<void> {
  await instantiate({ module_or_path: source ?? (await fetchBesideThis()) ?? (await inlineCopy()) });
}

async function fetchBesideThis(): Promise<Response | undefined> {
  try {
    // Bundlers know this form: they copy the file and put its new address here.
    const response = await fetch(new URL("./wasm/message_client_bg.wasm", import.meta.url));
    const type = response.headers.get("content-type") ?? "";
    return response.ok && type.startsWith("application/wasm") ? response : undefined;
  } catch {
    return undefined;
  }
}

async function inlineCopy(): Promise<BufferSource> {
  const { wasmBase64 } = await import("./wasm/message_client_base64.js");
  return Uint8Array.from(atob(wasmBase64), (char) => char.charCodeAt(0));
}
