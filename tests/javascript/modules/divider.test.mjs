/** divider.js, gaps.js, times.js, narrowing.js: what is told of times, and what is known to be missing. */
import assert from "node:assert/strict";
import test from "node:test";

import { lasting } from "../../../poslogs/doors/page/static/times.js";
import { Gaps } from "../../../poslogs/doors/page/static/gaps.js";
import { fromLink, isSame, toLink } from "../../../poslogs/doors/page/static/narrowing.js";
import { Store } from "../../../poslogs/doors/page/static/store.js";
import { moment } from "../../../poslogs/doors/page/static/times.js";
import { entry } from "./entries.mjs";

/** @param {...number} ids */
const entries = (...ids) => ids.map((id) => entry({ id: String(id) }));

test("a span of time is told in its two largest units", () => {
  const told = [0, 59_600, 130_000, 3_600_000, 3_661_000, 90_061_000].map(lasting);
  assert.deepEqual(told, ["0 s", "1 min", "2 min 10 s", "1 h", "1 h 1 min", "1 d 1 h"]);
});

test("a time is a moment, UTC where it names no zone, or how long ago", () => {
  const now = Date.UTC(2026, 2, 1, 12);
  assert.equal(moment("10m", now), now - 600_000);
  assert.equal(moment("1d", now), now - 86_400_000);
  for (const text of ["2026-03-01T12:00", "2026-03-01T12:00Z", "2026-03-01T13:00+01:00"]) assert.equal(moment(text, now), now);
  assert.equal(moment("2026-03-01", now), Date.UTC(2026, 2, 1));
  for (const text of ["", "yesterday", "7", "10 m", "2026"]) assert.ok(Number.isNaN(moment(text, now)), text);
});

test("a narrowing is the same after a link", () => {
  for (const narrowing of [{}, { type: "error" }, { path: "a/b", group: "# failed" }, { time: { from: 60_000, to: 120_000 } }, { time: { from: 5 } }]) {
    const back = fromLink(toLink(narrowing));
    assert.deepEqual(back, narrowing);
    assert.ok(isSame(back, narrowing));
  }
  assert.ok(!isSame({ type: "error" }, { type: "warn" }));
});

test("what was asked for by itself has gaps around it, until they are filled", () => {
  const store = new Store();
  const gaps = new Gaps(store);
  const add = (/** @type {number[]} */ ids, joins = false) => {
    const all = entries(...ids);
    gaps.note(all, store.addPast(all), joins);
  };
  const between = (/** @type {number} */ a, /** @type {number} */ b) => {
    const [one, two] = [a, b].map((id) => store.entries.slice().find((each) => each.id === String(id)));
    assert.ok(one && two);
    return gaps.isBetween(one, two);
  };
  const surrounds = (/** @type {number} */ id) => {
    const found = store.entries.slice().find((each) => each.id === String(id));
    assert.ok(found);
    return gaps.surrounds(found);
  };
  add([100, 101, 102]);
  add([50, 51, 52]);
  assert.deepEqual([between(52, 100), between(50, 51), between(100, 101), between(51, 102)], [true, false, false, true]);
  assert.deepEqual([surrounds(51), surrounds(52), surrounds(50), surrounds(101), surrounds(100)], [true, false, false, true, false]);
  assert.deepEqual(gaps.unbroken(store.entries.slice()).map(({ id }) => id), ["100", "101", "102"]);
  add([52, 60, 70]);
  assert.deepEqual([between(52, 60), between(70, 100)], [false, true]);
  add([70, 80, 100]);
  assert.deepEqual([between(70, 80), between(80, 100), surrounds(100)], [false, false, true]);
  assert.equal(gaps.unbroken(store.entries.slice()).length, store.entries.length);
});

test("what comes of the past joins what is held after it", () => {
  const store = new Store();
  const gaps = new Gaps(store);
  store.add(entries(20, 21));
  for (const ids of [[15, 16], [10, 11]]) gaps.note(entries(...ids), store.addPast(entries(...ids)), true);
  assert.equal(gaps.unbroken(store.entries.slice()).length, 6);
});
