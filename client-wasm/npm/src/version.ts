/** What needs the WebAssembly and no client. */
import { wasm } from "./load.js";

/** The version of the protocol that this SDK speaks. Needs `init()`. */
export function protocolVersion(): number {
  return wasm().protocolVersion();
}

/**
 * The id of the direct conversation of two users; `undefined` for a user with themself. Needs
 * `init()`.
 */
export function directConversation(one: string, other: string): string | undefined {
  return wasm().directConversation(one, other);
}
