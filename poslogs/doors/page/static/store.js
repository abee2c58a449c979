/** The store: what this tab holds of a log. The oldest leave when there are too many. */
/** @import { Entry, Onlooker } from "../types.d.ts" */
import { Run } from "./run.js";
import { wants } from "./wanted.js";

export const MOST_ENTRIES = 100_000;
export const MOST_CHARS = 100_000_000; // of messages and data, about 200 MB

/**
 * Whether id `a` comes after id `b`; ids have up to 19 digits, more than a number can hold.
 * @param {string} a @param {string} b
 */
export function isAfter(a, b) {
  return a.length === b.length ? a > b : a.length > b.length;
}

/** By what an entry is known. A site that was restored from a backup gives its ids again. @param {Entry} entry */
export function keyOf({ id, timestamp, env }) {
  return `${id} ${timestamp} ${env}`;
}

/** Whether `a` belongs after `b`: by their ids in one environment, by their times in two. @param {Entry} a @param {Entry} b */
export function isLater(a, b) {
  return a.env === b.env ? isAfter(a.id, b.id) : a.timestamp > b.timestamp;
}

/** In place: each environment's entries by their ids, and several environments' by time. @param {Entry[]} entries */
export function order(entries) {
  entries.sort((a, b) => (a.id === b.id ? 0 : isAfter(a.id, b.id) ? 1 : -1));
  if (entries.every(({ env }) => env === entries[0].env)) return entries;
  /** @type {Map<string, string>} */
  const reached = new Map(); // times, by environment: where its times jump back, an entry stays behind the one before
  /** @type {Map<Entry, string>} */
  const times = new Map();
  for (const entry of entries) {
    const before = reached.get(entry.env) ?? "";
    const time = entry.timestamp > before ? entry.timestamp : before;
    reached.set(entry.env, time);
    times.set(entry, time);
  }
  const place = (/** @type {Entry} */ entry) => times.get(entry) ?? "";
  return entries.sort((a, b) => compared(place(a), place(b)) || compared(a.env, b.env));
}

/** @param {string} a @param {string} b */
function compared(a, b) {
  return a === b ? 0 : a > b ? 1 : -1;
}

/**
 * Holds each entry once. Watchers are called after changes: `added(entries)` at the end, `left(entries)` from
 * the beginning, `replaced()` when it is another row of entries altogether.
 */
export class Store {
  /** @type {Run<Entry>} */
  entries = new Run();
  leftCount = 0; // those that had to leave for want of room

  /** @type {Map<string, number>} */
  #known = new Map(); // characters by key
  #chars = 0;
  /** @type {Map<string, string>} */
  #floors = new Map(); // ids by environment; what lies below was cleared away: the past does not bring it back
  /** @type {Onlooker[]} */
  #onlookers = [];

  /** @param {Onlooker} onlooker */
  watch(onlooker) {
    this.#onlookers.push(onlooker);
  }

  /** Take in what has come; repeats are left out. Returns those that are new. @param {Entry[]} entries */
  add(entries) {
    const fresh = entries.filter((entry) => this.#take(entry));
    for (const entry of fresh) this.entries.push(entry);
    if (fresh.length > 0) this.#tell("added", fresh);
    this.#makeRoom();
    return fresh;
  }

  /**
   * Take in what came before: each goes to its place, as `order` has it. Returns those that are new. `anyway`: also what
   * was cleared away.
   * @param {Entry[]} entries
   */
  addPast(entries, anyway = false) {
    const isAbove = (/** @type {Entry} */ { env, id }) => isAfter(id, this.#floors.get(env) ?? "0");
    const fresh = entries.filter((entry) => (anyway || isAbove(entry)) && this.#take(entry));
    if (fresh.length === 0) return fresh;
    const last = this.entries.at(this.entries.end - 1);
    const isAfterAll = (/** @type {Entry} */ entry, /** @type {number} */ n) => {
      const before = n > 0 ? fresh[n - 1] : last;
      return before === undefined || isLater(entry, before);
    };
    if (fresh.every(isAfterAll)) {
      for (const entry of fresh) this.entries.push(entry);
      this.#tell("added", fresh);
    } else this.#replace(order([...this.entries.slice(), ...fresh]));
    this.#makeRoom();
    return fresh;
  }

  /** @param {Entry} entry */
  has(entry) {
    return this.#known.has(keyOf(entry));
  }

  /** Let go of what a filter does not keep. @param {string} filter */
  keep(filter) {
    this.keepThose((entry) => wants(filter, entry));
  }

  /** Let go of all others. @param {(entry: Entry) => boolean} isKept */
  keepThose(isKept) {
    const kept = this.entries.slice().filter(isKept);
    if (kept.length === this.entries.length) return;
    const known = this.#known;
    this.#known = new Map(); // to forget those that leave, one by one, takes long where most do
    this.#chars = 0;
    for (const entry of kept) this.#know(entry, known.get(keyOf(entry)) ?? 0);
    this.#replace(kept);
  }

  /**
   * Let go of everything; `forGood`: also of what lies below and might come again as the past. Returns what undoes it.
   * @param {boolean} forGood
   */
  clear(forGood) {
    const [entries, floors, leftCount] = [this.entries.slice(), new Map(this.#floors), this.leftCount];
    if (!forGood) this.#floors.clear();
    for (const { env, id } of forGood ? this.entries.slice() : []) {
      if (isAfter(id, this.#floors.get(env) ?? "0")) this.#floors.set(env, id);
    }
    this.#known.clear();
    this.#chars = 0;
    this.leftCount = 0;
    this.#replace([]);
    return () => {
      this.#floors = floors;
      this.leftCount += leftCount;
      this.addPast(entries);
    };
  }

  /** @param {Entry} entry */
  #take(entry) {
    if (this.#known.has(keyOf(entry))) return false;
    const chars = entry.message.length + (isEmpty(entry.data) ? 0 : JSON.stringify(entry.data).length);
    this.#know(entry, chars);
    return true;
  }

  /** @param {Entry} entry @param {number} chars that it has */
  #know(entry, chars) {
    this.#known.set(keyOf(entry), chars);
    this.#chars += chars;
  }

  /** @param {Entry} entry */
  #forget(entry) {
    this.#chars -= this.#known.get(keyOf(entry)) ?? 0;
    this.#known.delete(keyOf(entry));
  }

  #makeRoom() {
    const left = [];
    while (this.entries.length > MOST_ENTRIES || (this.#chars > MOST_CHARS && this.entries.length > 1)) {
      const entry = this.entries.shift();
      if (entry === undefined) break;
      this.#forget(entry);
      left.push(entry);
    }
    this.leftCount += left.length;
    if (left.length > 0) this.#tell("left", left);
  }

  /** @param {Entry[]} entries */
  #replace(entries) {
    this.entries.replace(entries);
    this.#tell("replaced");
  }

  /** @param {keyof Onlooker} what @param {Entry[]} entries */
  #tell(what, entries = []) {
    for (const onlooker of this.#onlookers) onlooker[what]?.(entries);
  }
}

/** Whether an entry's data says nothing. @param {Entry["data"]} data */
export function isEmpty(data) {
  // eslint-disable-next-line no-unreachable-loop -- one name is enough to know; Object.keys would make a list of all
  for (const _ in data) return false;
  return true;
}
