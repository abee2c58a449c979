/** term.js: the term for a value holds for the entry that has it, and for no other. */
import assert from "node:assert/strict";
import test from "node:test";

import { parse } from "../../../poslogs/doors/page/static/query.js";
import { termOf, withTerm } from "../../../poslogs/doors/page/static/term.js";
import { entry } from "./entries.mjs";

const ODD = ["checkout", "a b", 'say "hi"', "back\\slash", "/slash", "a,b", "a:b", "-minus", "st*r", "*", "ü€😀", "10.50", "\\*", '\\"', "", " "];

/** @param {string[]} path @param {unknown} value @returns {Record<string, unknown>} */
function data([key, ...more], value) {
  return { [key]: more.length === 0 ? value : data(more, value) };
}

test("the term of a value holds for an entry with it, and for none with another", () => {
  for (const path of [["page"], ["url"], ["partial"], ["user", "email"], ["order", "0", "id"]]) {
    for (const value of [...ODD, 7, 1e21, 0.1, true, null]) {
      const term = termOf(path, value);
      assert.notEqual(term, "", String(value));
      const query = parse(term);
      assert.ok(query?.holds(entry({ data: data(path, value) })), term);
      assert.ok(!query?.holds(entry({ data: data(path, "something else") })), term);
      assert.ok(!parse(`-${term}`)?.holds(entry({ data: data(path, value) })), term);
    }
  }
});

test("known fields go by their names", () => {
  assert.equal(termOf(["user", "email"], "ana@example.com"), "user:ana@example.com");
  assert.equal(termOf(["page"], "checkout/confirm"), 'page:"checkout/confirm"');
  assert.equal(termOf(["order", "id"], 1204288), "data.order.id:1204288");
});

test("what no query can name has no term", () => {
  for (const path of [["a.b"], ["a b"], ["a:b"], [""], ['a"'], ["a,b"]]) assert.equal(termOf(path, 1), "");
  assert.equal(termOf(["a"], {}), "");
  assert.equal(termOf(["a"], "x".repeat(201)), "");
});

test("a query gets a term once", () => {
  assert.equal(withTerm("", "user:a"), "user:a");
  assert.equal(withTerm("type:error", "-user:a"), "type:error -user:a");
  assert.equal(withTerm("user:a type:error", "user:a"), "user:a type:error");
});
