/** lines.js: what is drawn of a view, with what repeats folded. */
import assert from "node:assert/strict";
import test from "node:test";

import { fingerprint } from "../../../poslogs/doors/page/static/fingerprint.js";
import { isAlike } from "../../../poslogs/doors/page/static/kind.js";
import { Lines } from "../../../poslogs/doors/page/static/lines.js";
import { Store } from "../../../poslogs/doors/page/static/store.js";
import { View } from "../../../poslogs/doors/page/static/view.js";
import { entry } from "./entries.mjs";

/** @import { Entry } from "../../../poslogs/doors/page/types.d.ts" */

const never = () => false;

/**
 * Lines of a store, folded, and what their onlooker is told.
 * @param {{ isApart?: (entry: Entry, before: Entry) => boolean, isKept?: (entry: Entry) => boolean }} [parts]
 */
function folded({ isApart = never, isKept = never } = {}, warmMs = 50) {
  const store = new Store();
  const view = new View(store, () => true);
  const lines = new Lines(view, { isApart, isKept }, warmMs);
  /** @type {string[]} */
  const heard = [];
  const tell = (/** @type {string} */ what) => () => heard.push(what);
  lines.watch({ grown: tell("grown"), shrunk: tell("shrunk"), refolded: tell("refolded") });
  lines.fold(true);
  return { store, view, lines, heard };
}

/** Entries of these messages, with ids from `id` on. @param {string[]} messages */
function said(messages, id = 1) {
  return messages.map((message, n) => entry({ id: String(id + n), message }));
}

/** The lines as text: the first id of each, and of how many entries it is where it is folded or `open`. @param {Lines} lines */
function told(lines) {
  const found = [];
  for (let line = lines.first; line < lines.end; line += 1) {
    const streak = lines.streakAt(line);
    const many = streak === undefined ? "" : streak.open ? `open${streak.count}` : `x${streak.count}`;
    found.push(`${lines.at(line)?.id}${many}`);
  }
  return found.join(" ");
}

test("what differs in numbers only and follows one another is one line", () => {
  const { store, lines } = folded();
  store.add(said(["order 1 failed", "order 22 failed", "cart saved", "order 3 failed", "order 4 failed", "order 5 failed"]));
  assert.equal(told(lines), "1x2 3 4x3");
  assert.equal(lines.streakAt(2)?.last.id, "6");
  lines.fold(false);
  assert.equal(told(lines), "1 2 3 4 5 6");
});

test("another type, error_type or environment is another line", () => {
  const { store, lines } = folded();
  store.add([
    entry({ id: "1" }), entry({ id: "2", type: "error" }), entry({ id: "3", type: "error", error_type: "cart" }),
    entry({ id: "4", type: "error", error_type: "cart" }), entry({ id: "5", type: "error", error_type: "cart", env: "production" }),
  ]);
  assert.equal(told(lines), "1 2 3x2 5");
});

test("arrivals extend the newest line, and no other has another number", () => {
  const { store, lines, heard } = folded();
  store.add(said(["a", "b 1"]));
  assert.equal(lines.growing, 1);
  store.add(said(["b 2", "b 3", "c"], 3));
  assert.equal(told(lines), "1 2x3 5");
  assert.deepEqual([lines.numberAt(2), lines.numberAt(3), lines.lineOf(3), lines.lineOf(4)], [4, 5, 1, 2]);
  assert.deepEqual(heard, ["refolded", "grown", "grown"]);
});

test("a streak unfolds, grows a line for each that comes, and folds again", () => {
  const { store, lines } = folded();
  store.add(said(["a", "b 1", "b 2", "b 3"]));
  assert.deepEqual(lines.toggle(1), []);
  assert.equal(told(lines), "1 2open3 3 4");
  store.add(said(["b 4", "c"], 5));
  assert.equal(told(lines), "1 2open4 3 4 5 6");
  assert.deepEqual(lines.toggle(1).map(({ id }) => id), ["3", "4", "5"]);
  assert.equal(told(lines), "1 2x4 6");
});

test("what is unfolded stays so when the view becomes another, and more is put before it", () => {
  const { store, view, lines } = folded();
  store.add([...said(["b 2", "b 3", "b 4"], 5), entry({ id: "8", type: "error" })]);
  lines.toggle(0);
  view.narrow({ type: "error" });
  assert.equal(told(lines), "8");
  view.narrow(null);
  store.addPast(said(["a", "b 0", "b 1"], 2));
  assert.equal(told(lines), "2 3open5 4 5 6 7 8");
  lines.fold(false);
  lines.fold(true);
  assert.equal(told(lines), "2 3x5 8");
});

test("an entry that is looked for has a line of its own", () => {
  const { store, lines } = folded();
  const entries = said(["a", "b 1", "b 2", "b 3"]);
  store.add(entries);
  assert.equal(lines.find(entries[3]), 1);
  assert.equal(told(lines), "1 2x3");
  assert.equal(lines.unfold(entries[1]), 1); // the first has one already
  assert.equal(told(lines), "1 2x3");
  assert.equal(lines.unfold(entries[3]), 3);
  assert.equal(told(lines), "1 2open3 3 4");
  assert.equal(lines.unfold(entry({ id: "9" })), undefined);
});

test("what the reader is at, or what something is said before, is not folded away", () => {
  const { store, lines } = folded({ isKept: ({ id }) => id === "3", isApart: ({ id }) => id === "6" });
  store.add(said(["b 1", "b 2", "b 3", "b 4", "b 5", "b 6", "b 7"]));
  assert.equal(told(lines), "1open5 2 3 4 5 6x2");
});

test("what leaves at the beginning makes its line less, folded or not", () => {
  const { view, lines } = folded();
  const entries = said(["b 1", "b 2", "b 3", "c 1", "c 2", "d"]);
  view.added(entries);
  lines.toggle(1);
  const leave = (/** @type {number} */ from, /** @type {number} */ to) => {
    view.left(entries.slice(from, to));
    return told(lines);
  };
  assert.equal(told(lines), "1x3 4open2 5 6");
  assert.equal(leave(0, 2), "3 4open2 5 6");
  assert.equal(leave(2, 4), "5 6");
  assert.equal(leave(4, 6), "");
  view.added(said(["e 1", "e 2"], 7));
  assert.equal(told(lines), "7x2");
});

test("where finding out what is alike takes long it goes on by and by, the newest first", async () => {
  const { store, lines, heard } = folded({}, 0);
  lines.fold(false);
  store.add(said(["b 1", "b 2", "b 3", "b 4", "b 5"]));
  lines.fold(true);
  assert.equal(told(lines), "1 2 3 4x2");
  heard.length = 0;
  while (heard.length === 0) await new Promise((resolve) => { setTimeout(resolve); });
  assert.equal(told(lines), "1x5");
  assert.deepEqual(heard, ["refolded"]);
});

test("many at once are folded in the end", async () => {
  const { store, lines } = folded();
  store.add(said(Array.from({ length: 3_000 }, (_, n) => `order ${n} failed`)));
  while (lines.end > 1) await new Promise((resolve) => { setTimeout(resolve); });
  assert.equal(told(lines), "1x3000");
});

test("alike is what has the same fingerprint, however it begins", () => {
  const words = ["order 1", "Order 1", " order 2", "#1 order", '"a" order', "a@b.example order", "1a order", "order\t3", "orders 1", "", "o'k order"];
  for (const one of words) {
    for (const other of words) {
      const [a, b] = said([one, other]);
      assert.equal(isAlike(a, b), fingerprint(one) === fingerprint(other), `${one} and ${other}`);
    }
  }
});
