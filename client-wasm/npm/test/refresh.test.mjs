/**
 * `badge.refresh()`: one conditional request, shown until the browser knows something newer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { badge } from "../dist/badge.js";
import { MessageServiceError } from "../dist/errors.js";
import { head, page } from "./browser.mjs";

/** Answers in turn, and keeps the requests. */
function server(t, ...answers) {
  const requests = [];
  t.mock.method(globalThis, "fetch", async (url, { headers }) => {
    requests.push({ url, headers });
    const answer = answers.shift();
    return typeof answer === "function" ? answer() : answer;
  });
  return requests;
}

const unread = (total, etag) => Response.json({ total }, { headers: { etag } });
const getToken = async () => "token";

test("it shows the server's total until the mirror changes", async (t) => {
  const browser = page(t);
  browser.write({ "ms:head": head(), "ms:more": { n: 1 } });
  const requests = server(t, unread(7, '"a"'));
  const dot = badge({ url: "wss://example.test/messages/", getToken });
  const told = [];
  dot.on(({ total }) => told.push(total));
  await dot.refresh();
  assert.deepEqual(requests, [
    { url: "https://example.test/messages/v1/unread", headers: { authorization: "Bearer token" } },
  ]);
  assert.equal(dot.total, 7);
  browser.happens("visibilitychange");
  assert.equal(dot.total, 7);
  browser.otherTabWrites({ "ms:more": { n: 2 } });
  assert.deepEqual(told, [7, 2]);
});

test("it asks conditionally, and 304 means the last answer", async (t) => {
  const browser = page(t);
  const requests = server(t, unread(7, '"a"'), new Response(null, { status: 304 }));
  const dot = badge({ getToken });
  await dot.refresh();
  browser.thisTabWrites({ "ms:head": head() });
  assert.equal(dot.total, 0);
  await dot.refresh();
  assert.equal(requests[1].url, "/v1/unread");
  assert.equal(requests[1].headers["if-none-match"], '"a"');
  assert.equal(dot.total, 7);
});

test("an answer that crosses a newer mirror is not shown", async (t) => {
  const browser = page(t);
  browser.write({ "ms:head": head() });
  server(t, () => {
    browser.thisTabWrites({ "ms:more": { n: 3 } });
    return unread(1, '"a"');
  });
  const dot = badge({ getToken });
  await dot.refresh();
  assert.equal(dot.total, 3);
});

test("a refusal rejects with the server's code, and changes nothing", async (t) => {
  page(t).write({ "ms:head": head(), "ms:more": { n: 1 } });
  const refusal = { code: "token_expired", message: "too old", retryable: false };
  server(t, Response.json(refusal, { status: 401 }), new Response("<html>", { status: 502 }));
  const dot = badge({ getToken });
  await assert.rejects(dot.refresh(), (error) => {
    assert.ok(error instanceof MessageServiceError);
    assert.deepEqual([error.code, error.retryable], ["token_expired", false]);
    return true;
  });
  await assert.rejects(dot.refresh(), { code: "unavailable", retryable: true });
  assert.equal(dot.total, 1);
});

test("without getToken it says what is missing", async (t) => {
  page(t);
  await assert.rejects(badge().refresh(), /getToken/);
});
