/** query.js and its parts: the page reads a query as the server does, case by case. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { folded } from "../../../poslogs/doors/page/static/folding.js";
import { parse } from "../../../poslogs/doors/page/static/query.js";
import { entry } from "./entries.mjs";
import { python } from "./python.mjs";

/**
 * The table that tests/query/test_cases.py runs against the server's module.
 * @type {{ query: string, entry?: object, holds?: boolean, refusal?: string, blank?: boolean, server?: boolean }[]}
 */
const cases = JSON.parse(readFileSync(new URL("../../query/cases.json", import.meta.url), "utf8"));
const plain = { type: "info", error_type: "", message: "", env: "staging", data: {} };

/** Whether a query holds for each of some entries, or its refusal. @param {string} query @param {object[]} entries */
function answer(query, entries) {
  try {
    const parsed = parse(query);
    return parsed && entries.map((each) => parsed.holds(entry(each)));
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

test("a query holds for the entries that the server's holds for", () => {
  const matches = cases.filter(({ holds }) => holds !== undefined);
  const found = matches.map(({ query, entry: given }) => answer(query, [{ ...plain, ...given }]));
  assert.deepEqual(matches.filter(({ holds }, n) => found[n]?.[0] !== holds), []);
  assert.ok(matches.length > 300);
});

test("a wrong query is refused in the server's words, with its column", () => {
  const refusals = cases.filter(({ refusal, server }) => refusal !== undefined && !server);
  const told = refusals.map(({ query }) => answer(query, []));
  assert.deepEqual(told, refusals.map(({ refusal }) => refusal));
  assert.ok(refusals.length > 100);
});

test("what only RE2 can refuse is a query here: the server is asked, and tells", () => {
  for (const { query } of cases.filter(({ server }) => server)) assert.equal(parse(query)?.slow, true);
});

test("a blank query is none", () => {
  for (const { query } of cases.filter(({ blank }) => blank)) assert.equal(parse(query), null);
});

test("the page and the server agree on queries that nobody thought of", () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  /** @type {[string, object[], boolean[] | string | null][]} */
  const guesses = python(["-m", "tests.query.guesses"], { seed, count: 2000 });
  const wrong = guesses.filter(([query, entries, told]) => JSON.stringify(answer(query, entries)) !== JSON.stringify(told));
  assert.deepEqual(wrong, [], `seed ${seed}`);
  assert.ok(guesses.some(([, , told]) => Array.isArray(told) && told.includes(true)));
  assert.ok(guesses.some(([, , told]) => typeof told === "string"));
});

test("every character is folded as the server folds it", () => {
  const program = [
    "import json, unicodedata; from poslogs.query.folding import folded",
    "known = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ('Cn', 'Cs')]",
    "print(json.dumps([[c, folded(c)] for c in known if not c.isascii()]))",
  ].join("\n");
  /** @type {[string, string][]} */
  const known = python(["-c", program], null);
  assert.deepEqual(known.filter(([character, told]) => folded(character) !== told), []);
  assert.ok(known.length > 100_000);
});

test("marks without end are compared as they stand", () => {
  const crowd = "\u0301\u0323".repeat(100_000);
  assert.equal(folded(`A${crowd}`), `a${crowd}`);
});

test("only the beginning of a long text is looked at by an expression", () => {
  const size = 256 * 1024;
  const end = parse("/end$/");
  assert.ok(end?.slow);
  assert.ok(end.holds(entry({ message: `${"x".repeat(size - 3)}end` })));
  assert.ok(!end.holds(entry({ message: `${"x".repeat(size - 2)}end` })));
  assert.ok(!end.holds(entry({ message: `${"é".repeat(size / 2)}end` })));
});
