/**
 * The entry of `message-service-client`.
 */
import { wasm } from "./load.js";

export { MessageServiceError, UnauthorizedError } from "./errors.js";
export { init } from "./load.js";
export type {
  ConnectionState,
  Conversation,
  Delivery,
  Events,
  History,
  MessageClientOptions,
  Opened,
  SendOptions,
  StateChange,
  TokenRequest,
  Unread,
  Unsubscribe,
  WasmSource,
} from "./types.js";
export type {
  Attachment,
  Content,
  ErrorCode,
  Message,
  Notice,
  Page,
  Preview,
  Recalled,
  User,
} from "./protocol.js";

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
