/** diagnosis.js: where something happened, and what is said of it. */
import assert from "node:assert/strict";
import test from "node:test";

import { bodyOf, placeOf, stackOf, textOf, told } from "../../../poslogs/doors/page/static/diagnosis.js";
import { entry } from "./entries.mjs";

const DATA = {
  schema_version: 1,
  message: "unknown tag",
  stack: [{ path: "partials/cart", line: 12 }, { path: "pages/home", line: "3" }, { line: 4 }, null],
};
const DIAGNOSTIC = entry({ type: "error", message: "Liquid error", error_type: "LiquidError", data: DATA });

test("the place of a diagnostic is the innermost of its stack; what is no place in it is left out", () => {
  assert.deepEqual(stackOf(DIAGNOSTIC), [{ path: "partials/cart", line: 12 }, { path: "pages/home", line: undefined }]);
  assert.deepEqual(placeOf(DIAGNOSTIC), { path: "partials/cart", line: 12 });
  assert.deepEqual(stackOf(entry({ data: { ...DATA, schema_version: 2 } })), []);
});

test("any other entry happened in the partial or page that its data names", () => {
  const paths = [{ partial: "a", page: "b" }, { partial: "", page: "b" }, { partial: 7 }, {}];
  assert.deepEqual(paths.map((data) => placeOf(entry({ data })).path), ["a", "b", "", ""]);
});

test("a place is told as compilers do, and a body with the rest of its stack", () => {
  assert.deepEqual([told({ path: "a\u202e", line: 3 }), told({ path: "a", line: undefined })], ["a\\u202e:3", "a"]);
  assert.equal(bodyOf(DIAGNOSTIC), "Liquid error\nunknown tag\n  from pages/home");
  assert.equal(bodyOf(entry({ message: "abcdef" }), 3), "abc");
});

test("a search looks in the body, the error_type, the place and the data", () => {
  assert.equal(
    textOf(entry({ message: "m", error_type: "E", data: { page: "p" } })),
    'm\nE\np\n{"page":"p"}',
  );
});
