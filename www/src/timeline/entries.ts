/**
 * What a conversation's timeline is made of: days, the divider before what is new, messages, and
 * those still on their way. Messages that one person says in one breath stand together.
 *
 * Pure: it decides what stands where. How it looks is `message.ts`'s work.
 */
import type { Content, Message } from "message-service-client";
import { daysBetween } from "../time.js";

/** A message of one's own that the server has not acknowledged. */
export interface Outgoing {
  clientMsgId: string;
  conversation: string;
  content: Content;
  at: number;
  /** Set once sending failed: a sentence for people. */
  failed?: string;
}

/** Where a message stands among those around it of the same author. */
export interface Place {
  /** The first of its group carries the author's name. */
  first: boolean;
  /** The last of its group carries the picture and the tail. */
  last: boolean;
}

export type Entry =
  | { key: string; is: "day"; at: number }
  | { key: string; is: "divider" }
  | ({ key: string; is: "message"; message: Message; own: boolean } & Place)
  | ({ key: string; is: "outgoing"; outgoing: Outgoing } & Place);

/** Longer than this between two messages is another breath. */
const breath = 5 * 60_000;

interface Said {
  key: string;
  author: string;
  at: number;
  /** A recalled message or a notice stands alone. */
  alone: boolean;
  entry: (place: Place) => Entry;
}

/** Puts a timeline together. `fresh` is the first position that was unread when it was opened. */
export function entries(
  messages: readonly Message[],
  outgoing: readonly Outgoing[],
  me: string,
  fresh: number | undefined,
): Entry[] {
  const stored = new Set(messages.filter((each) => each.sender === me).map((each) => each.clientMsgId));
  const said: Said[] = [
    ...messages.map((message) => ofStored(message, me)),
    ...outgoing.filter((each) => !stored.has(each.clientMsgId)).map((each) => ofOutgoing(each, me)),
  ];
  const divided = messages.find((message) => fresh !== undefined && message.seq >= fresh);
  const dividedKey = divided && ofStored(divided, me).key;

  const result: Entry[] = [];
  said.forEach((each, index) => {
    const before = said[index - 1];
    const after = said[index + 1];
    if (!before || daysBetween(before.at, each.at) > 0) {
      result.push({ key: `day ${new Date(each.at).toDateString()}`, is: "day", at: each.at });
    }
    if (each.key === dividedKey) result.push({ key: "divider", is: "divider" });
    result.push(
      each.entry({
        first: !before || each.key === dividedKey || !together(before, each),
        last: !after || after.key === dividedKey || !together(each, after),
      }),
    );
  });
  return result;
}

function together(one: Said, next: Said): boolean {
  return (
    !one.alone &&
    !next.alone &&
    one.author === next.author &&
    next.at - one.at < breath &&
    daysBetween(one.at, next.at) === 0
  );
}

// A message keeps its key from the moment it is sent, so that its element stays where it is when
// the server acknowledges it.
function ofStored(message: Message, me: string): Said {
  const own = message.sender === me;
  const key = own ? `own ${message.clientMsgId}` : `seq ${message.seq}`;
  return {
    key,
    author: message.sender ?? "",
    at: message.at,
    alone: message.recalled !== undefined || message.content?.kind === "notice",
    entry: (place) => ({ key, is: "message", message, own, ...place }),
  };
}

function ofOutgoing(outgoing: Outgoing, me: string): Said {
  const key = `own ${outgoing.clientMsgId}`;
  return {
    key,
    author: me,
    at: outgoing.at,
    alone: false,
    entry: (place) => ({ key, is: "outgoing", outgoing, ...place }),
  };
}

/** Takes messages into an ordered collection; of two writings of one message the later stays. */
export function merge(known: readonly Message[], more: readonly Message[]): Message[] {
  const bySeq = new Map(known.map((message) => [message.seq, message]));
  for (const message of more) {
    const present = bySeq.get(message.seq);
    if (!present || (message.revision ?? 0) >= (present.revision ?? 0)) bySeq.set(message.seq, message);
  }
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
}
