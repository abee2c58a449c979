/** indented.js: JSON gets lines and indents, and keeps all else; places in it are found again. */
import assert from "node:assert/strict";
import test from "node:test";

import { indented } from "../../../poslogs/doors/page/static/indented.js";

const ODD = '{"a":1.0,"b":[],"c":{ },"d":[1,{"e":"x, y: {z} \\" \\\\"}],"f":"\\u00e9",  "g":-1e5,"h":null}';

test("each member has a line, and no sign is changed", () => {
  assert.equal(indented('{"a":1.0,"b":["x, y",{}]}')?.text, '{\n  "a": 1.0,\n  "b": [\n    "x, y",\n    {}\n  ]\n}');
  const made = indented(ODD);
  assert.deepEqual(JSON.parse(made?.text ?? ""), JSON.parse(ODD));
  const bare = (/** @type {string} */ text) => text.replace(/\s+/g, "");
  assert.equal(bare(made?.text ?? ""), bare(ODD));
});

test("the place of each sign is found again", () => {
  const made = indented(ODD);
  assert.ok(made !== null);
  for (let at = 0; at < ODD.length; at += 1) {
    if (ODD[at] !== " ") assert.equal(made.text[made.moved(at)], ODD[at], `at ${at}`);
  }
  assert.equal(made.moved(ODD.length), made.text.length);
});

test("what is no JSON object or list, or too long, stays as it is", () => {
  const long = JSON.stringify("x".repeat(200_001));
  for (const text of ["", "5", '"text"', "{oops}", "[1,", "[lambda] started", `[${long}]`]) assert.equal(indented(text), null);
});

test("what is nested deeply needs no more room than its length allows", () => {
  const deep = "[".repeat(5000) + "]".repeat(5000);
  const made = indented(deep);
  assert.ok(made === null || made.text.length < 100 * deep.length);
});
