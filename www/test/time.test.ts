import assert from "node:assert/strict";
import { test } from "node:test";
import { briefly, clockTime, dayName, daysBetween } from "../src/time.js";

const at = (text: string) => new Date(text).getTime();
/** A Wednesday. */
const present = at("2026-05-20T16:30:00");

test("a list says when something was said as people do", () => {
  const rows: [string, string, string][] = [
    ["2026-05-20T16:29:30", "now", "刚刚"],
    ["2026-05-20T16:30:20", "now", "刚刚"],
    ["2026-05-20T16:29:00", "16:29", "16:29"],
    ["2026-05-20T00:00:00", "00:00", "00:00"],
    ["2026-05-19T23:59:00", "Yesterday", "昨天"],
    ["2026-05-18T12:00:00", "Mon", "周一"],
    ["2026-05-14T00:00:00", "Thu", "周四"],
    ["2026-05-13T23:59:00", "13 May", "5月13日"],
    ["2026-01-03T12:00:00", "3 Jan", "1月3日"],
    ["2025-12-31T12:00:00", "31 Dec 2025", "2025年12月31日"],
  ];
  for (const [moment, english, chinese] of rows) {
    assert.equal(briefly(at(moment), present, "en"), english, moment);
    assert.equal(briefly(at(moment), present, "zh"), chinese, moment);
  }
});

test("a moment that was now becomes yesterday at midnight and not a day later", () => {
  const late = at("2026-05-19T23:59:50");
  assert.equal(briefly(late, at("2026-05-19T23:59:59"), "en"), "now");
  assert.equal(briefly(late, at("2026-05-20T00:00:05"), "en"), "Yesterday");
});

test("days have names, and dates once the name could mean two", () => {
  const rows: [string, string][] = [
    ["2026-05-20T00:00:00", "Today"],
    ["2026-05-21T00:00:00", "Today"],
    ["2026-05-19T12:00:00", "Yesterday"],
    ["2026-05-18T12:00:00", "Monday"],
    ["2026-05-03T12:00:00", "Sunday 3 May"],
    ["2019-05-03T12:00:00", "Friday 3 May 2019"],
  ];
  for (const [moment, name] of rows)
    assert.equal(dayName(at(moment), present, "en").replace(",", ""), name, moment);
});

test("midnights are counted by the calendar, over a day of 23 hours too", () => {
  assert.equal(daysBetween(at("2026-03-28T23:30:00"), at("2026-03-30T00:30:00")), 2);
  assert.equal(daysBetween(at("2026-05-20T00:00:00"), at("2026-05-20T23:59:59")), 0);
});

test("midnight is 00:00 and not 24:00", () => {
  assert.equal(clockTime(at("2026-05-20T00:05:00"), "en"), "00:05");
});
