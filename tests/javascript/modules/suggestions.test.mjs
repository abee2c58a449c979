/** suggestions.js: what the last word of a filter may become. */
import assert from "node:assert/strict";
import test from "node:test";

import { completions } from "../../../poslogs/doors/page/static/suggestions.js";

const TYPES = ["error", "warn", "LiquidError", "payment callback"];

test("the last word becomes a field, a type that was seen, or a value of `type:`", () => {
  assert.deepEqual(completions("pa", TYPES), { before: "", words: ["page:", "partial:", 'type:"payment callback"'] });
  assert.deepEqual(completions("checkout -ty", TYPES), { before: "checkout -", words: ["type:"] });
  assert.deepEqual(completions("type:liq", TYPES), { before: "", words: ["type:LiquidError"] });
  assert.deepEqual(completions("a type:error,w", TYPES), { before: "a ", words: ["type:error,warn"] });
  assert.deepEqual(completions("type:pay", TYPES), { before: "", words: ['type:"payment callback"'] });
  assert.deepEqual(completions("err", TYPES).words, ["type:error"]);
});

test("where nothing begins so, or a text is quoted, there is none", () => {
  for (const typed of ["", "type:error ", "xyz", '"pa', "/pa", "page:", "type:error"]) assert.deepEqual(completions(typed, TYPES).words, []);
});
