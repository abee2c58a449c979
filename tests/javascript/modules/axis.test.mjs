/** axis.js: how long the histogram's columns are, how many there are, and which are named. */
import assert from "node:assert/strict";
import test from "node:test";

import { axis, named } from "../../../poslogs/doors/page/static/axis.js";

const MINUTE = 60_000;
const NOON = Date.parse("2026-01-15T12:00:00Z");

test("whatever the span, there are 40 to 70 columns, and each moment of it is in one of them", () => {
  for (let minutes = 0; minutes < 69 * 1440; minutes = Math.ceil(minutes * 1.07) + 1) {
    const { step, columns, begin } = axis(NOON - minutes * MINUTE, NOON);
    assert.ok(columns.length >= 40 && columns.length <= 70, `${columns.length} columns for ${minutes} minutes`);
    assert.equal(columns.at(-1), begin(NOON));
    assert.ok(columns.includes(begin(NOON - minutes * MINUTE)), `the oldest of ${minutes} minutes`);
    assert.ok(columns.every((at, n) => n === 0 || at - columns[n - 1] === step));
  }
});

test("a column is as short as 70 columns allow", () => {
  const spans = [[69, 1], [70, 2], [138, 2], [141, 5], [350, 10], [700, 15], [1050, 30], [2100, 60], [4200, 120]];
  for (const [minutes, step] of spans) assert.equal(axis(NOON - minutes * MINUTE, NOON).step, step * MINUTE, `${minutes}`);
});

test("of more than 70 days the newest are shown", () => {
  const { columns, begin } = axis(NOON - 100 * 1440 * MINUTE, NOON);
  assert.deepEqual([columns.length, columns.at(-1)], [70, begin(NOON)]);
});

test("at most six columns are named, on full minutes and hours", () => {
  for (const minutes of [1, 30, 69, 100, 300, 1000, 3000, 10_000, 90_000]) {
    const { columns, ticks } = axis(NOON - minutes * MINUTE, NOON);
    assert.ok(ticks.length > 0 && ticks.length <= 7, `${ticks.length} for ${minutes}`);
    assert.ok(ticks.every((at) => columns.includes(at) && at % (5 * MINUTE) === 0));
  }
});

test("a step is told in words", () => {
  assert.deepEqual([1, 5, 60, 120, 1440].map((minutes) => named(minutes * MINUTE)), ["minute", "5 minutes", "hour", "2 hours", "day"]);
});
