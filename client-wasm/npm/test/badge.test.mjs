/**
 * The badge out of its mirror: what counts, what does not, and what it listens to.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { badge } from "../dist/badge.js";
import { head, page } from "./browser.mjs";

test("an empty browser shows nothing", (t) => {
  page(t);
  assert.deepEqual([badge().total, badge().visible], [0, false]);
});

test("the total sums the conversations and those beyond the list", (t) => {
  page(t).write({
    "ms:head": head(),
    "ms:c:direct:alice:bob": { n: 3, last: 17 },
    "ms:c:system:alice": { n: 1, last: 4 },
    "ms:more": { n: 12 },
    "other:c:x": { n: 100, last: 1 },
    "ms:r:group:1": { seq: 5, epoch: head().epoch },
  });
  const dot = badge();
  assert.deepEqual([dot.total, dot.visible], [16, true]);
});

test("a read that the server has not acknowledged counts as read", (t) => {
  const browser = page(t);
  browser.write({
    "ms:head": head(),
    "ms:c:direct:alice:bob": { n: 3, last: 17 },
    "ms:r:direct:alice:bob": { seq: 17, epoch: head().epoch },
  });
  assert.equal(badge().total, 0);
  browser.write({ "ms:r:direct:alice:bob": { seq: 16, epoch: head().epoch } });
  assert.equal(badge().total, 3);
});

test("another user's messages are not shown", (t) => {
  page(t).write({ "ms:head": head("alice"), "ms:c:system:alice": { n: 2, last: 2 } });
  assert.equal(badge({ user: "bob" }).total, 0);
  assert.equal(badge({ user: "alice" }).total, 2);
  assert.equal(badge().total, 2);
});

test("without a head, or with one of another version, nothing is shown", (t) => {
  const browser = page(t);
  browser.write({ "ms:c:system:alice": { n: 2, last: 2 } });
  assert.equal(badge().total, 0);
  browser.write({ "ms:head": { ...head(), v: 2 } });
  assert.equal(badge().total, 0);
});

test("broken entries are left out, the others count", (t) => {
  const browser = page(t);
  browser.write({
    "ms:head": head(),
    "ms:c:a": { n: -3, last: 1 },
    "ms:c:b": { n: "5", last: 1 },
    "ms:c:c": { n: 1.5, last: 1 },
    "ms:c:d": null,
    "ms:c:e": [7],
    "ms:c:good": { n: 2, last: 2 },
  });
  browser.storage.setItem("ms:c:f", "{");
  browser.storage.setItem("ms:r:good", "}");
  assert.equal(badge().total, 2);
});

test("blocked storage shows nothing and throws nothing", (t) => {
  page(t);
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new Error("SecurityError");
    },
  });
  assert.equal(badge().total, 0);
});

test("without a window it shows nothing and throws nothing", () => {
  const dot = badge();
  assert.equal(dot.total, 0);
  dot.stop();
});

test("it follows other tabs and this one, and tells of changes alone", (t) => {
  const browser = page(t);
  browser.write({ "ms:head": head() });
  const dot = badge();
  const told = [];
  const off = dot.on((now) => told.push([now.total, now.visible]));
  browser.otherTabWrites({ "ms:c:system:alice": { n: 1, last: 1 } });
  browser.otherTabWrites({ "ms:c:system:alice": { n: 1, last: 1 } });
  browser.thisTabWrites({ "ms:c:system:alice": { n: 2, last: 2 } });
  browser.storage.removeItem("ms:c:system:alice");
  browser.happens("pageshow");
  assert.deepEqual(told, [[1, true], [2, true], [0, false]]);
  off();
  browser.otherTabWrites({ "ms:c:system:alice": { n: 3, last: 3 } });
  assert.equal(told.length, 3);
  assert.equal(dot.total, 3);
});

test("other keys of the page's storage are none of its business", (t) => {
  const browser = page(t);
  browser.write({ "ms:head": head() });
  const dot = badge();
  browser.write({ "ms:c:system:alice": { n: 1, last: 1 } });
  browser.otherTabWrites({ theme: "dark" });
  assert.equal(dot.total, 0);
});

test("a stopped badge follows nothing", (t) => {
  const browser = page(t);
  browser.write({ "ms:head": head() });
  const dot = badge();
  dot.stop();
  browser.thisTabWrites({ "ms:c:system:alice": { n: 1, last: 1 } });
  assert.equal(dot.total, 0);
});

test("a held entry counts once its time has come", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 50_000 });
  const browser = page(t);
  browser.write({ "ms:head": head(), "ms:c:system:alice": { n: 1, last: 1, showAt: 50_800 } });
  const dot = badge();
  const told = [];
  dot.on(({ total }) => told.push(total));
  assert.equal(dot.total, 0);
  t.mock.timers.tick(799);
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  assert.deepEqual(told, [1]);
});

test("a hold longer than any hold is no hold", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 50_000 });
  page(t).write({ "ms:head": head(), "ms:c:system:alice": { n: 1, last: 1, showAt: 3_650_000 } });
  assert.equal(badge().total, 1);
});

test("a listener that throws stops no other, and its error is reported", async (t) => {
  const browser = page(t);
  browser.write({ "ms:head": head() });
  const reports = [];
  t.mock.method(globalThis, "queueMicrotask", (report) => reports.push(report));
  const dot = badge();
  let told = 0;
  dot.on(() => {
    throw new Error("mine");
  });
  dot.on(() => told++);
  browser.thisTabWrites({ "ms:more": { n: 1 } });
  assert.equal(told, 1);
  assert.equal(reports.length, 1);
  assert.throws(reports[0], /mine/);
});
