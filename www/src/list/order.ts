/**
 * In which order the list shows conversations: pinned ones first, the newest first among equals.
 */
import type { Conversation } from "message-service-client";

export function inOrder(conversations: readonly Conversation[]): Conversation[] {
  return [...conversations].sort(
    (one, other) =>
      Number(other.pinned) - Number(one.pinned) || other.lastAt - one.lastAt || (one.id < other.id ? -1 : 1),
  );
}
