/** Errors of the SDK in words for people. The codes are the contract; the texts are for logs. */
import { MessageServiceError } from "message-service-client";
import { words } from "./words.js";

export function excuse(error: unknown): string {
  if (!(error instanceof MessageServiceError)) return words.didNotWork;
  switch (error.code) {
    case "unavailable":
    case "timeout":
    case "closed":
      return words.unreachable;
    case "rate_limited":
      return words.tooFast;
    case "forbidden":
    case "user_unknown":
    case "conversation_unknown":
      return words.notAllowed;
    default:
      return words.didNotWork;
  }
}
