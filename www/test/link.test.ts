import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces, safeLink, safePicture } from "../src/link.js";

test("only http, https and paths of our own lead anywhere", () => {
  const rows: [string, string | undefined][] = [
    ["https://example.org/a?b#c", "https://example.org/a?b#c"],
    ["http://example.org", "http://example.org/"],
    ["/orders/1", "/orders/1"],
    ["/", "/"],
    ["//evil.example", undefined],
    ["/\\evil.example", undefined],
    ["javascript:alert(1)", undefined],
    [" javascript:alert(1)", undefined],
    ["data:text/html,x", undefined],
    ["orders/1", undefined],
    ["", undefined],
  ];
  for (const [link, safe] of rows) assert.equal(safeLink(link), safe, link);
});

test("a picture comes from our own place or over TLS", () => {
  assert.equal(safePicture("/a.png"), "/a.png");
  assert.equal(safePicture("http://example.org/a.png"), undefined);
  assert.equal(safePicture(undefined), undefined);
});

test("links are found in a text, without its punctuation, and nothing is lost", () => {
  const text = "See https://a.example/x, and (http://b.example/y). 见 https://c.example/z。好";
  const found = pieces(text);
  assert.deepEqual(
    found.filter((piece) => piece.link).map((piece) => piece.text),
    ["https://a.example/x", "http://b.example/y", "https://c.example/z"],
  );
  assert.equal(found.map((piece) => piece.text).join(""), text);
});

test("markup in a text is text", () => {
  assert.deepEqual(pieces("<b>bold</b>"), [{ text: "<b>bold</b>" }]);
});
