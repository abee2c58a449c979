/** gaps.js: where entries are missing between those that are held. */
import assert from "node:assert/strict";
import test from "node:test";

import { Gaps } from "../../../poslogs/doors/page/static/gaps.js";
import { Store } from "../../../poslogs/doors/page/static/store.js";
import { entries, entry, ids } from "./entries.mjs";

/** A store and its gaps. */
function held() {
  const store = new Store();
  const gaps = new Gaps(store);
  const take = (/** @type {ReturnType<typeof entries>} */ some, joins = true) => gaps.note(some, store.addPast(some), joins);
  return { store, gaps, take };
}

/** An entry of an environment, at a second of one minute. @param {string} env @param {string} id @param {number} second */
function at(env, id, second) {
  return entry({ env, id, timestamp: `2024-01-01T12:00:${String(second).padStart(2, "0")}.000Z` });
}

test("what was asked for by itself is set apart from what follows, until what lies between has come", () => {
  const { store, gaps, take } = held();
  take(entries(20, 21, 22));
  take(entries(10, 11), false);
  assert.equal(ids(gaps.unbroken(store.entries.slice())), "20 21 22");
  take(entries(11, 15, 20));
  assert.equal(ids(gaps.unbroken(store.entries.slice())), ids(store.entries.slice()));
});

test("of several environments each one's own beginning counts", () => {
  const { store, gaps, take } = held();
  take([at("staging", "1", 1), at("production", "1", 2), at("staging", "2", 3)]);
  assert.equal(gaps.unbroken(store.entries.slice()).length, 3);
  take([at("production", "7", 9)], false);
  const newest = gaps.unbroken(store.entries.slice()).map(({ env, id }) => `${env} ${id}`);
  assert.deepEqual(newest, ["staging 1", "staging 2", "production 7"]);
});
