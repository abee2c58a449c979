/** download.js: what is kept is what came, and does no harm in a spreadsheet or a terminal. */
import assert from "node:assert/strict";
import test from "node:test";

import { csv, ndjson, text } from "../../../poslogs/doors/page/static/download.js";
import { TIME, entry } from "./entries.mjs";
import { python } from "./python.mjs";

/** @import { Entry } from "../../../poslogs/doors/page/types.d.ts" */

const READ = `
import csv, io, json, sys
json.dump(list(csv.reader(io.StringIO(json.load(sys.stdin), newline=""), strict=True)), sys.stdout)`;

const HOSTILE = "\x1b]0;owned\x07 \x9b2J \u202egnp.exe\r\nsecond\u200b line\n\n";
const WIDE = ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"];
const ID = "9007199254740993";

/** The file as text. @param {(entries: Entry[], here: string) => string[]} format @param {Entry[]} entries */
function made(format, entries, here = "staging") {
  return format(entries, here).join("");
}

/** What Python's reader makes of a CSV file: its rows. @param {string} file @returns {string[][]} */
function rows(file) {
  return python(["-c", READ], file);
}

test("NDJSON is what came: an entry a line, the same when it is read again, whatever is in it", () => {
  const all = [
    entry({ message: HOSTILE, data: { cut: true } }),
    entry({ message: '“a”,\n"b"\0\u2028', data: { nested: { a: [1, null, "é😀"] } } }),
    entry({ message: "" }),
  ];
  const file = made(ndjson, all);
  assert.ok(file.endsWith("\n"));
  assert.deepEqual(file.slice(0, -1).split("\n").map((line) => JSON.parse(line)), all);
});

test("CSV is read as it was written: commas, quotes, line ends and all of Unicode; its own are CRLF (RFC 4180)", () => {
  const messages = ['a "quoted", text', "two\nlines\r\nthree\rfour", "é€😀 日本", " spaces ", "", "it's"];
  const data = { path: "a,b", more: ['"'] };
  const all = messages.map((message) => entry({ id: ID, message, type: "error", error_type: 'Liquid,"Error"', data }));
  const file = made(csv, all);
  const [head, ...read] = rows(file);
  assert.deepEqual(head, ["id", "timestamp", "type", "error_type", "message", "data", "env"]);
  assert.deepEqual(read.map((row) => row.slice(0, 4)), messages.map(() => [ID, TIME, "error", 'Liquid,"Error"']));
  assert.deepEqual(read.map((row) => row[4]), messages);
  assert.deepEqual(read.map((row) => JSON.parse(row[5])), messages.map(() => data));
  assert.ok(file.startsWith(`id,timestamp,type,error_type,message,data,env\r\n${ID},`));
  assert.ok(file.endsWith("\r\n"));
});

test("no cell is a formula: what begins as one gets an apostrophe, in every column that others write", () => {
  const formulas = ['=HYPERLINK("http://x")', "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\ttab", " =1",
    "\u00a0\ufeff=1", "\0=1", ...WIDE];
  // What splits there sees a cell behind it.
  const split = [["\t=1", "'\t'=1"], ["\r=1", "'\r'=1"], ["\n =1", "\n '=1"]];
  const harmless = ["a=1", "'=1", "1-1", " a", "a; b", "a;b", "a\nb", "a; 'b'", "a-1;b=2"];
  const texts = [...formulas, ...split.map(([hostile]) => hostile), ...harmless];
  const expected = [...formulas.map((each) => `'${each}`), ...split.map(([, safe]) => safe), ...harmless];
  const file = made(csv, texts.map((each) => entry({ message: each, error_type: each })));
  const read = rows(file).slice(1);
  assert.deepEqual(read.map((row) => row[4]), expected);
  assert.deepEqual(read.map((row) => row[3]), expected);
  for (const each of formulas) assert.ok(file.includes(`"'${each.replaceAll('"', '""')}"`), each);
});

for (const separator of [";", "\t", "|"]) {
  // Spreadsheets of half of Europe split at `;`: they meet our quotes within a cell, where these hold no text.
  test(`no cell is a formula for a reader that splits at ${JSON.stringify(separator)}`, () => {
    const befores = [separator, `${separator} `, `${separator}"`, "\n", "\r\n", `\n${separator}${separator}`];
    const formulas = ["=1+1", "+1", "-1", "@SUM(A1)", ...WIDE];
    const hostile = formulas.flatMap((formula) => befores.map((before) => `a${before}${formula}${before}b`));
    const all = hostile.map((each) => entry({ message: each, error_type: each, data: { path: `;${each}` } }));
    const file = made(csv, all);
    assert.ok(file.includes("a;'=1+1;b") || separator !== ";");
    for (const cell of file.split(/[\r\n]+/).flatMap((line) => line.split(separator))) {
      const begun = cell.trim().replace(/^"+/, "").trimStart();
      assert.doesNotMatch(begun, /^[=+\-@\uff1d\uff0b\uff0d\uff20]/);
    }
    assert.deepEqual(rows(file).slice(1).map((row) => row[4].replaceAll("'", "")), hostile);
  });
}

// Every character is looked at once, not once for each before it.
test("a text that is all separators is written at once", () => {
  const length = 1 << 17;
  for (const each of ["\n".repeat(length), `\n${" ".repeat(length)}`, ';"'.repeat(length / 2)]) {
    assert.ok(made(csv, [entry({ message: each })]).length > length);
  }
});

test("entries of several environments name theirs: in a column of CSV, in text where it is not the one watched", () => {
  const all = [entry({ env: "staging" }), entry({ env: "eu, live\n" })];
  assert.deepEqual(rows(made(csv, all, "*")).map((row) => row[6]), ["env", "staging", "eu, live\n"]);
  assert.equal(made(text, all, "*"), `${TIME} [staging] INFO m\n${TIME} [eu, live ] INFO m\n`);
  assert.equal(made(text, all, "staging"), `${TIME} INFO m\n${TIME} [eu, live ] INFO m\n`);
});

test("text cannot drive a terminal: escapes are shown, further lines indented, an error_type told that says more", () => {
  const file = made(text, [
    entry({ message: "started" }),
    entry({ message: HOSTILE, type: "error", error_type: "Liquid\nError" }),
    entry({ message: "bad\ttab", type: "warn", error_type: "WARN" }),
    entry({ message: "no kind", type: "error", error_type: "" }),
  ]);
  assert.equal(file, [
    `${TIME} INFO started`,
    `${TIME} ERROR Liquid Error \\x1b]0;owned\\x07 \\x9b2J \\u202egnp.exe`,
    "  second\\u200b line",
    `${TIME} WARN bad\ttab`,
    `${TIME} ERROR no kind`,
    "",
  ].join("\n"));
});
