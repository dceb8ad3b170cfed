import assert from "node:assert/strict";
import { test } from "node:test";
import { step, TypeAhead } from "../src/list/keys.js";

test("keys move within the list and stop at its ends", () => {
  const rows: [string, number, number | undefined][] = [
    ["ArrowDown", 0, 1],
    ["ArrowDown", 4, 4],
    ["ArrowUp", 0, 0],
    ["ArrowUp", 3, 2],
    ["Home", 3, 0],
    ["End", 1, 4],
    ["PageDown", 1, 4],
    ["PageUp", 3, 0],
    ["Tab", 2, undefined],
  ];
  for (const [key, from, to] of rows) assert.equal(step(key, from, 5), to, `${key} from ${from}`);
});

test("an empty list leads nowhere", () => {
  assert.equal(step("End", -1, 0), undefined);
});

const names = ["Adaeze", "Mei", "Noor", "Nora", "Émile"];

test("a typed letter finds the next name with it, and goes round", () => {
  const typed = new TypeAhead();
  assert.equal(typed.find("n", names, 0, 0), 2);
  assert.equal(typed.find("n", names, 2, 100), 3);
  assert.equal(typed.find("n", names, 3, 200), 2);
});

test("a typed word finds the name that begins with it, and stays there", () => {
  const typed = new TypeAhead();
  assert.equal(typed.find("N", names, 0, 0), 2);
  assert.equal(typed.find("o", names, 2, 100), 2);
  assert.equal(typed.find("r", names, 2, 200), 3);
});

test("after a pause another word begins", () => {
  const typed = new TypeAhead();
  typed.find("n", names, 0, 0);
  assert.equal(typed.isTyping(500), true);
  assert.equal(typed.isTyping(2000), false);
  assert.equal(typed.find("é", names, 2, 2000), 4);
  assert.equal(typed.find("x", names, 4, 4000), undefined);
});
