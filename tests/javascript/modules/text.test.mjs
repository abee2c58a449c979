/** text.js, expression.js and groups.js: words and signs for those who read, and for those who search. */
import assert from "node:assert/strict";
import test from "node:test";

import { plain, regular } from "../../../poslogs/doors/page/static/expression.js";
import { ago, groupOf } from "../../../poslogs/doors/page/static/groups.js";
import { counted, messageOf, visible } from "../../../poslogs/doors/page/static/text.js";
import { entry } from "./entries.mjs";

test("signs that do not show, or that turn the others around, are told by their number", () => {
  assert.equal(visible("a\x1b[0m\x7f\x9b"), "a\\x1b[0m\\x7f\\x9b");
  assert.equal(visible("\u202egnp.exe\u200b\ufeff"), "\\u202egnp.exe\\u200b\\ufeff");
  assert.equal(visible("\u{e0041}"), "\\u{e0041}");
  assert.equal(visible("tab\tline\n“é” 日本 😀"), "tab\tline\n“é” 日本 😀");
});

test("a joiner stays in its word or picture, and is told by its number elsewhere", () => {
  for (const text of ["می\u200cخواهم", "क्\u200dष", "क्\u200d न", "👩\u200d👩\u200d👧\u200d👦", "👩🏽\u200d🚀", "🏳️\u200d🌈", "❤️\u200d🔥"]) {
    assert.equal(visible(text), text);
  }
  for (const flag of ["🇵🇱", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "🏴"]) assert.equal(visible(`${flag}.`), `${flag}.`);
  assert.equal(visible("\u200d:\u200c a\u200d\u200cb"), "\\u200d:\\u200c a\\u200d\\u200cb");
  assert.equal(visible("🏴\u{e0069}\u{e0067}"), "🏴\\u{e0069}\\u{e0067}"); // text that hides, and no flag
});

test("what is shown and what is looked for are composed", () => {
  assert.equal(visible("Cafe\u0301"), "Caf\u00e9");
  const { source, flags } = plain("CAFE\u0301");
  assert.ok(new RegExp(source, flags).test("caf\u00e9"));
  assert.match("caf\u00e9", new RegExp(regular("fe\u0301$").source, "u"));
});

test("a number has its noun, and a time that has passed its unit", () => {
  assert.deepEqual([counted(1, "entry", "entries"), counted(1204, "entry", "entries")], ["1 entry", "1,204 entries"]);
  assert.deepEqual([counted(0, "error"), counted(2, "error")], ["0 errors", "2 errors"]);
  const passed = [-5, 3_000, 59_400, 60_000, 3_599_000, 3_600_000, 86_400_000, 200_000_000];
  assert.deepEqual(passed.map(ago), [
    "0 s ago", "3 s ago", "59 s ago", "1 min ago", "59 min ago", "1 h ago", "1 day ago", "2 days ago",
  ]);
});

test("what was thrown says something, whatever it is", () => {
  assert.deepEqual([messageOf(new TypeError("no")), messageOf("no"), messageOf(undefined)], ["no", "no", "undefined"]);
});

test("errors of one kind are alike but for numbers and quoted values; nothing else has a kind", () => {
  const kind = (/** @type {string} */ message) => groupOf(entry({ type: "error", message }));
  assert.equal(kind("order 12 of 'a' failed"), kind("order 345 of 'b' failed"));
  assert.notEqual(kind("order 12 failed"), kind("payment 12 failed"));
  assert.equal(groupOf(entry({ type: "info", message: "order 12 failed" })), undefined);
});

test("plain text means itself, whatever its case", () => {
  const signs = "\\^$.*+?()[]{}|/-";
  const { source, flags } = plain(`${signs}Äö`);
  const found = new RegExp(source, flags);
  assert.ok(found.test(`x${signs}äÖ`));
  found.lastIndex = 0;
  assert.ok(!found.test("anything"));
});

test("plain text is folded in full, as a query's is", () => {
  const matches = (/** @type {string} */ query, /** @type {string} */ text) => {
    const { source, flags } = plain(query);
    return [...text.matchAll(new RegExp(source, flags))].map(([match]) => match);
  };
  assert.deepEqual(matches("STRASSE", "Straße strasse STRAẞE"), ["Straße", "strasse", "STRAẞE"]);
  assert.deepEqual(matches("ß", "ss ß"), ["ss", "ß"]);
  assert.deepEqual(matches("office", "o\ufb03ce"), ["o\ufb03ce"]);
});

test("an expression ignores case unless it says so, begins at each line, and may escape what needs no escape", () => {
  const matches = (/** @type {string} */ query, /** @type {string} */ text) => {
    const { source, flags } = regular(query);
    return text.match(new RegExp(source, flags)) ?? [];
  };
  assert.deepEqual(matches("^two$", "one\ntwo\nTWO"), ["two", "TWO"]);
  assert.deepEqual(matches("(?-i)^two$", "one\ntwo\nTWO"), ["two"]);
  assert.deepEqual(matches("(?i)^two$", "TWO"), ["TWO"]);
  assert.deepEqual(matches("^.$", "😀"), ["😀"]);
  assert.deepEqual(matches("a\\-b", "a-b"), ["a-b"]);
  assert.throws(() => regular("(x"), SyntaxError);
});
