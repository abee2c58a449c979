/** run.js: a long row whose first ones leave cheaply, and keep their numbers. */
import assert from "node:assert/strict";
import test from "node:test";

import { Run } from "../../../poslogs/doors/page/static/run.js";

/** A run of things that know their numbers. @param {number} count */
function filled(count) {
  const run = /** @type {Run<{ n: number }>} */ (new Run());
  for (let n = 0; n < count; n += 1) run.push({ n });
  return run;
}

test("each thing keeps its number, however many leave before it", () => {
  const run = filled(5000);
  for (let n = 0; n < 4000; n += 1) {
    assert.equal(run.shift()?.n, n);
    assert.deepEqual([run.first, run.end, run.length], [n + 1, 5000, 4999 - n]);
    assert.equal(run.at(4999)?.n, 4999);
  }
  run.push({ n: 5000 });
  assert.equal(run.at(5000)?.n, 5000);
});

test("a slice is what is in of it, and no more", () => {
  const run = filled(10);
  for (let n = 0; n < 3; n += 1) run.shift();
  const numbers = (/** @type {number[]} */ ...ends) => run.slice(...ends).map(({ n }) => n);
  assert.deepEqual(numbers(), [3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(numbers(0, 5), [3, 4]);
  assert.deepEqual(numbers(8, 99), [8, 9]);
  assert.deepEqual(numbers(-5), [3, 4, 5, 6, 7, 8, 9]);
});

test("others in the place of all begin anew", () => {
  const run = filled(10);
  run.shift();
  run.replace([{ n: 7 }]);
  assert.deepEqual([run.first, run.end, run.at(0)?.n], [0, 1, 7]);
});
