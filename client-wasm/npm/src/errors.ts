/**
 * What the SDK throws and rejects with. Programs branch on `code`, never on the message.
 */
import type { ApiError, ErrorCode } from "./protocol.js";

/** An error with a code to branch on. */
export class MessageServiceError extends Error {
  override readonly name = "MessageServiceError";
  readonly code: ErrorCode;
  /** The field that was wrong, such as `content.text`. */
  readonly field?: string;
  /** The bound that was passed. */
  readonly limit?: number;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Of a failed `send`: the name to retry it under. */
  readonly clientMsgId?: string;

  constructor(error: ApiError & { clientMsgId?: string }, options?: ErrorOptions) {
    super(error.message, options);
    this.code = error.code;
    this.retryable = error.retryable;
    if (error.field !== undefined) this.field = error.field;
    if (error.limit !== undefined) this.limit = error.limit;
    if (error.clientMsgId !== undefined) this.clientMsgId = error.clientMsgId;
  }
}

/** Thrown by a `getToken` to say that there is no user any more. */
export class UnauthorizedError extends Error {
  override readonly name = "UnauthorizedError";

  constructor(message = "no user is signed in", options?: ErrorOptions) {
    super(message, options);
  }
}
