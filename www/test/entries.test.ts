import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "message-service-client";
import { entries, merge, type Entry, type Outgoing } from "../src/timeline/entries.js";

const noon = new Date("2026-05-20T12:00:00").getTime();
const minute = 60_000;

function message(
  seq: number,
  sender: string | undefined,
  minutes: number,
  more: Partial<Message> = {},
): Message {
  const content = { kind: "text", text: `text ${seq}` } as const;
  const base = {
    id: `id ${seq}`,
    conversation: "group:1",
    seq,
    clientMsgId: `c${seq}`,
    at: noon + minutes * minute,
    revision: 0,
    content,
  };
  return { ...base, ...(sender !== undefined && { sender }), ...more };
}

const outgoing = (clientMsgId: string, minutes: number): Outgoing => ({
  clientMsgId,
  conversation: "group:1",
  content: { kind: "text", text: "on its way" },
  at: noon + minutes * minute,
});

/** An entry in a word: `(` begins a group and `)` ends one. */
function short(entry: Entry): string {
  if (entry.is === "day" || entry.is === "divider") return entry.is;
  const name = entry.is === "message" ? String(entry.message.seq) : entry.outgoing.clientMsgId;
  return `${entry.first ? "(" : ""}${name}${entry.last ? ")" : ""}`;
}

function check(messages: Message[], sending: Outgoing[], fresh: number | undefined, wanted: string): void {
  assert.equal(entries(messages, sending, "me", fresh).map(short).join(" "), wanted);
}

test("what one says in one breath stands together", () => {
  check([message(1, "ada", 0), message(2, "ada", 1), message(3, "ada", 10)], [], undefined, "day (1 2) (3)");
});

test("another author begins another group", () => {
  check([message(1, "ada", 0), message(2, "me", 0), message(3, "me", 1)], [], undefined, "day (1) (2 3)");
});

test("every day has a header, and no group goes over midnight", () => {
  const late = 12 * 60;
  check([message(1, "ada", late - 1), message(2, "ada", late + 1)], [], undefined, "day (1) day (2)");
});

test("the divider stands before the first new message and parts a group", () => {
  check([message(1, "ada", 0), message(2, "ada", 1), message(3, "ada", 2)], [], 2, "day (1) divider (2 3)");
});

test("the divider stays where it is while more arrives", () => {
  const messages = [message(1, "ada", 0), message(2, "ada", 1)];
  check([...messages, message(3, "ada", 2)], [], 2, "day (1) divider (2 3)");
});

test("a divider whose own message is gone stands before the next one", () => {
  check([message(1, "ada", 0), message(4, "ada", 1)], [], 3, "day (1) divider (4)");
});

test("notices and recalled messages stand alone", () => {
  const notice = message(2, undefined, 1, { content: { kind: "notice", title: "Frost" } });
  const recalled = message(4, "ada", 2, { recalled: { at: noon } });
  check([message(1, "ada", 0), notice, message(3, "ada", 2), recalled], [], undefined, "day (1) (2) (3) (4)");
});

test("a message on its way joins the group and keeps its key when it is stored", () => {
  const before = entries([message(1, "me", 0)], [outgoing("x", 1)], "me", undefined);
  assert.deepEqual(before.map(short), ["day", "(1", "x)"]);
  const after = entries(
    [message(1, "me", 0), message(2, "me", 1, { clientMsgId: "x" })],
    [outgoing("x", 1)],
    "me",
    undefined,
  );
  assert.deepEqual(after.map(short), ["day", "(1", "2)"]);
  assert.equal(before.at(-1)?.key, after.at(-1)?.key);
});

test("somebody else's equal clientMsgId is not one's own message", () => {
  check([message(1, "ada", 0, { clientMsgId: "x" })], [outgoing("x", 1)], undefined, "day (1) (x)");
});

test("merging orders by position and keeps the later writing", () => {
  const recalled = message(2, "ada", 1, { revision: 1, recalled: { at: noon } });
  const merged = merge([message(3, "ada", 2), recalled], [message(2, "ada", 1), message(1, "ada", 0)]);
  assert.deepEqual(
    merged.map(({ seq, revision }) => [seq, revision]),
    [
      [1, 0],
      [2, 1],
      [3, 0],
    ],
  );
});
