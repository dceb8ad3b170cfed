/**
 * The entry of `message-service-client`.
 */
export { MessageClient } from "./client.js";
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

export { directConversation, protocolVersion } from "./version.js";
