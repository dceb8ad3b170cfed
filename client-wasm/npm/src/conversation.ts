/**
 * A conversation as pages see it, joined from the row that the server sent and what has changed
 * since.
 */
import type { Message, Preview, Row } from "./protocol.js";
import type { Conversation } from "./types.js";

/** What the WebAssembly knows of a conversation; `message` is newer than the row's own preview. */
export interface Entry {
  row: Row;
  preview?: Preview;
  message?: Message;
  lastAt: number;
  unread: number;
  marked: boolean;
  muted: boolean;
  pinned: boolean;
}

/** Characters that a preview keeps, as the server does it. */
const PREVIEW_CHARS = 140;

export function conversationOf({ row, preview, message, ...state }: Entry): Conversation {
  const { id, kind, name, avatar, peer } = row;
  const last = message ? previewOf(message) : preview;
  return {
    id,
    kind,
    ...(name !== undefined && { name }),
    ...(avatar !== undefined && { avatar }),
    ...(peer !== undefined && { peer }),
    ...(last && { last }),
    ...state,
  };
}

function previewOf({ seq, revision, at, sender, recalled, content }: Message): Preview {
  const text = content?.kind === "text" ? content.text : content?.kind === "notice" ? content.title : "";
  return {
    seq,
    revision,
    at,
    ...(sender !== undefined && { sender }),
    text: [...text].slice(0, PREVIEW_CHARS).join(""),
    ...(recalled && { recalled: true }),
  };
}
