import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { colourOf, initials } from "../src/avatar.js";
import { capped } from "../src/dot.js";
import { chooseLanguage, dictionaries } from "../src/words.js";

test("the reader's first language that the pages speak is chosen", () => {
  const rows: [string[], string][] = [
    [["zh-TW", "en"], "zh"],
    [["fr-FR", "zh-CN"], "zh"],
    [["en-US", "zh"], "en"],
    [["fr"], "en"],
    [[], "en"],
  ];
  for (const [preferred, language] of rows) assert.equal(chooseLanguage(preferred), language);
});

test("every word that a page names is in the dictionary, and the page says the English one", () => {
  for (const page of ["index.html", "messages.html", "sign-in.html"]) {
    const html = readFileSync(page, "utf8");
    const named = [...html.matchAll(/data-word="(\w+)"[^>]*>([^<]*)</g)].map(([, name, text]) => [
      name,
      text,
    ]);
    const labelled = [...html.matchAll(/aria-label="([^"]*)"\s+data-label="(\w+)"/g)].map(
      ([, text, name]) => [name, text],
    );
    assert.ok(named.length > 0, page);
    for (const [name, text] of [...named, ...labelled]) {
      assert.equal(dictionaries.en[name as keyof typeof dictionaries.en], text, `${page}: ${name}`);
    }
  }
});

test("a count over 99 is 99+", () => {
  assert.deepEqual([1, 99, 100, 12_345].map(capped), ["1", "99", "99+", "99+"]);
});

test("initials are of the first and the last name, or the first sign", () => {
  const rows: [string, string][] = [
    ["Adaeze Okonkwo", "AO"],
    ["mary ann van dyke", "MD"],
    ["林美玲", "林"],
    ["Émile", "É"],
    ["  ", "?"],
    ["(Sam) Taylor", "ST"],
    ["👩‍🌾", "?"],
  ];
  for (const [name, letters] of rows) assert.equal(initials(name), letters, name);
});

test("a person's colour is their own, and one of eight", () => {
  for (const id of ["a", "mei", "01J9Z", "用户"]) {
    assert.equal(colourOf(id), colourOf(id));
    assert.ok(colourOf(id) >= 0 && colourOf(id) < 8);
  }
});
