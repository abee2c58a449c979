/** view.js: which of the entries held are shown. */
import assert from "node:assert/strict";
import test from "node:test";

import { Store } from "../../../poslogs/doors/page/static/store.js";
import { View, isWithin } from "../../../poslogs/doors/page/static/view.js";
import { TIME, entries, entry, ids } from "./entries.mjs";

/** @import { Entry } from "../../../poslogs/doors/page/types.d.ts" */

/** A view of a store, and what its onlooker is told. @param {(entry: Entry) => boolean} [matches] */
function watched(matches = () => true) {
  const store = new Store();
  const view = new View(store, matches);
  /** @type {string[]} */
  const told = [];
  const tell = (/** @type {string} */ what) => () => told.push(`${what}: ${ids(view.shown.slice())}`);
  view.watch({ grown: tell("grown"), shrunk: tell("shrunk"), changed: tell("changed") });
  return { store, view, told };
}

test("a narrowing keeps what has all of its parts", () => {
  const at = Date.parse(TIME);
  const error = entry({ type: "error", message: "order 1 failed", data: { page: "cart" } });
  assert.ok(isWithin({}, error));
  assert.ok(isWithin({ type: "error", path: "cart", group: "order # failed", time: { from: at, to: at + 1 } }, error));
  assert.ok(!isWithin({ type: "info" }, error));
  assert.ok(!isWithin({ path: "home" }, error));
  assert.ok(!isWithin({ group: "order failed" }, error));
  assert.ok(!isWithin({ time: { from: at + 1, to: at + 2 } }, error));
  assert.ok(!isWithin({ time: { from: at - 1, to: at } }, error));
});

test("what is shown grows with the store, and changes with what it is narrowed to", () => {
  const { store, view, told } = watched();
  store.add([entry({ id: "1" }), entry({ id: "2", type: "error" })]);
  view.narrow({ type: "error" });
  store.add([entry({ id: "3" }), entry({ id: "4", type: "error" })]);
  view.narrow({ type: undefined });
  assert.deepEqual(told, ["grown: 1 2", "changed: 2", "grown: 2 4", "changed: 1 2 3 4"]);
});

test("a pause shows nothing that comes; going on shows it all, where the reader was", () => {
  const { store, view, told } = watched();
  store.add(entries(1));
  view.pause(true);
  store.add(entries(2, 3));
  assert.deepEqual([view.paused, view.waiting, ids(view.shown.slice())], [true, 2, "1"]);
  view.pause(false);
  assert.deepEqual([view.paused, view.waiting, told.at(-1)], [false, 0, "grown: 1 2 3"]);
});

test("only what has come since is new, in whatever order a search finds it", () => {
  const found = new Set();
  const { store, view, told } = watched(({ id }) => found.has(id));
  const find = (/** @type {string[]} */ ...more) => {
    more.forEach((id) => found.add(id));
    view.find();
    return view.news;
  };
  view.setOnlyMatches(true);
  store.add(entries(1, 2, 3, 4));
  assert.equal(find("1"), 4 - 3); // nothing was known yet
  view.know();
  assert.deepEqual([view.news, find("4"), find("2", "3")], [0, 0, 0]);
  store.add(entries(5, 6, 7, 8));
  assert.deepEqual([find("7", "8"), find("5", "6")], [2, 4]);
  assert.equal(told.at(-1), "changed: 1 2 3 4 5 6 7 8");
});

test("what came since the pause waits also when everything is looked at anew", () => {
  const { store, view } = watched();
  store.add(entries(1, 5));
  view.pause(true);
  store.add(entries(6));
  store.addPast(entries(3));
  assert.deepEqual([ids(view.shown.slice()), view.waiting], ["1 3 5", 1]);
  store.clear(false);
  assert.deepEqual([ids(view.shown.slice()), view.waiting], ["", 0]);
});

test("only matches are shown where only these are wanted", () => {
  const { store, view } = watched(({ id }) => id === "2");
  store.add(entries(1, 2));
  view.setOnlyMatches(true);
  assert.equal(ids(view.shown.slice()), "2");
  view.setOnlyMatches(false);
  assert.equal(ids(view.shown.slice()), "1 2");
});

test("what leaves the store leaves the view, shown or waiting", () => {
  const { view, told } = watched();
  const [one, two, three] = entries(1, 2, 3);
  view.added([one, two]);
  view.pause(true);
  view.shown.replace([one, two]);
  view.added([three]);
  view.left([one]);
  assert.deepEqual([told.at(-1), view.waiting], ["shrunk: 2", 1]);
  view.left([two, three]);
  assert.deepEqual([told.at(-1), view.waiting], ["shrunk: ", 0]);
});
