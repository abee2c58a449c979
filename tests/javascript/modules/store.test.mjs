/** store.js: what a tab holds of a log. */
import assert from "node:assert/strict";
import test from "node:test";

import { MOST_CHARS, MOST_ENTRIES, Store, isAfter, isEmpty, isLater, order } from "../../../poslogs/doors/page/static/store.js";
import { wants } from "../../../poslogs/doors/page/static/wanted.js";
import { entries, entry, ids } from "./entries.mjs";

/** A store, and what its onlookers are told. */
function watched() {
  const store = new Store();
  /** @type {string[]} */
  const told = [];
  store.watch({
    added: (some) => told.push(`added ${ids(some)}`),
    left: (some) => told.push(`left ${ids(some)}`),
    replaced: () => told.push(`replaced by ${ids(store.entries.slice())}`),
  });
  return { store, told };
}

test("ids are compared as numbers, also where a number cannot hold them", () => {
  assert.ok(isAfter("10", "9"));
  assert.ok(isAfter("9007199254740993", "9007199254740992"));
  assert.ok(!isAfter("9", "10"));
  assert.ok(!isAfter("7", "7"));
});

test("a filter wants the whole of a type or error_type, ignoring case, as the server does", () => {
  const error = entry({ type: "error", error_type: "LiquidError" });
  const filters = ["", "ERROR", "liquiderror", "Liquid", "info"];
  assert.deepEqual(filters.filter((filter) => wants(filter, error)), ["", "ERROR", "liquiderror"]);
});

test("each entry is held once, and an id that is given anew is another entry", () => {
  const { store, told } = watched();
  const again = entry({ id: "2", timestamp: "2024-02-02T12:00:00.000Z" });
  assert.equal(ids(store.add(entries(1, 2))), "1 2");
  assert.equal(ids(store.add([...entries(2, 3), again])), "3 2");
  assert.equal(ids(store.add(entries(1))), "");
  assert.deepEqual(told, ["added 1 2", "added 3 2"]);
});

test("the past goes to its place by id", () => {
  const { store, told } = watched();
  store.add(entries(9, 12));
  assert.equal(ids(store.addPast(entries(8, 10, 9))), "8 10");
  assert.deepEqual(told, ["added 9 12", "replaced by 8 9 10 12"]);
});

test("what was cleared for good does not come back as the past; else it may", () => {
  const { store } = watched();
  store.add(entries(9, 12));
  store.clear(true);
  assert.equal(ids(store.addPast(entries(9, 12, 13))), "13");
  store.clear(false);
  assert.equal(ids(store.addPast(entries(9, 12, 13))), "9 12 13");
});

/** @param {string} env @param {string} id @param {number} second */
function at(env, id, second) {
  return entry({ env, id, timestamp: new Date(1_700_000_000_000 + 1000 * second).toISOString() });
}

test("entries of two environments with the same id and time are two", () => {
  const { store } = watched();
  const [one, other] = [entry({ env: "staging" }), entry({ env: "production" })];
  assert.equal(store.add([one, other]).length, 2);
  assert.equal(store.add([{ ...one }, { ...other }]).length, 0);
  store.keepThose(({ env }) => env === "production");
  assert.deepEqual([store.add([{ ...one }]).length, store.add([{ ...other }]).length], [1, 0]);
});

test("the past of several environments goes to its place by time, and each of them keeps its own order", () => {
  const { store } = watched();
  store.add([at("b", "3", 10), at("a", "70", 5)]);
  store.addPast([at("a", "69", 2), at("b", "2", 4), at("b", "1", 1)]);
  assert.equal(ids(store.entries.slice()), "1 69 2 70 3");
  const jumps = [at("b", "5", 6), at("a", "10", 9), at("a", "11", 1), at("b", "4", 3), at("a", "12", 12)];
  assert.equal(ids(order(jumps)), "4 5 10 11 12"); // 11 follows 10, although its time is before
});

test("an entry is after another by their ids in one environment, by their times in two", () => {
  assert.ok(isLater(at("a", "10", 0), at("a", "9", 5)));
  assert.ok(!isLater(at("a", "10", 0), at("b", "9", 5)));
  assert.ok(isLater(at("a", "9", 6), at("b", "10", 5)));
});

test("what was cleared of one environment says nothing of the ids of another", () => {
  const { store } = watched();
  store.add([at("a", "1000", 1), at("b", "7", 1)]);
  store.clear(true);
  assert.equal(ids(store.addPast([at("a", "999", 0), at("b", "7", 1), at("b", "8", 2), at("c", "1", 0)])), "8 1");
});

test("what a new filter does not keep leaves, and may come again", () => {
  const { store, told } = watched();
  store.add([entry({ id: "1", type: "error" }), entry({ id: "2" })]);
  store.keep("error");
  store.keep("error");
  assert.deepEqual(told, ["added 1 2", "replaced by 1"]);
  assert.equal(ids(store.addPast([entry({ id: "1", type: "error" }), entry({ id: "2" })])), "2"); // the first is held
});

test("room is counted without what a filter let go of", () => {
  const { store } = watched();
  const half = (/** @type {string} */ id, type = "info") => entry({ id, type, message: "x".repeat(MOST_CHARS / 2) });
  store.add([half("1"), half("2", "error")]);
  store.keep("error");
  store.add([half("3")]);
  assert.deepEqual([ids(store.entries.slice()), store.leftCount], ["2 3", 0]);
  store.add([entry({ id: "4", message: "y" })]);
  assert.deepEqual([ids(store.entries.slice()), store.leftCount], ["3 4", 1]);
});

test("the oldest leave when there are too many", () => {
  const { store, told } = watched();
  store.add(entries(...Array.from({ length: MOST_ENTRIES }, (_, n) => n)));
  store.add(entries(MOST_ENTRIES, MOST_ENTRIES + 1));
  assert.deepEqual([store.entries.length, store.leftCount, told.at(-1)], [MOST_ENTRIES, 2, "left 0 1"]);
});

test("the oldest leave when they are too long together; the newest stays, however long", () => {
  const { store, told } = watched();
  const long = "x".repeat(MOST_CHARS / 2);
  store.add([entry({ id: "1", message: long }), entry({ id: "2", message: long })]);
  store.add([entry({ id: "3", message: `${long}${long}x` })]);
  assert.deepEqual([ids(store.entries.slice()), told.at(-1)], ["3", "left 1 2"]);
});

test("data that says nothing is empty", () => {
  assert.deepEqual([isEmpty({}), isEmpty({ a: undefined })], [true, false]);
});
