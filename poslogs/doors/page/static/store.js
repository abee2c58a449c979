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
  #floor = "0"; // what lies below was cleared away: the past does not bring it back
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

  /** Take in what came before: each goes to its place by id. Returns those that are new. @param {Entry[]} entries */
  addPast(entries) {
    const fresh = entries.filter((entry) => isAfter(entry.id, this.#floor) && this.#take(entry));
    if (fresh.length > 0) {
      const all = [...this.entries.slice(), ...fresh];
      this.#replace(all.sort((a, b) => (a.id === b.id ? 0 : isAfter(a.id, b.id) ? 1 : -1)));
      this.#makeRoom();
    }
    return fresh;
  }

  /** Let go of what a filter does not keep. @param {string} filter */
  keep(filter) {
    this.keepThose((entry) => wants(filter, entry));
  }

  /** Let go of all others. @param {(entry: Entry) => boolean} isKept */
  keepThose(isKept) {
    const kept = this.entries.slice().filter((entry) => isKept(entry) || !this.#forget(entry));
    if (kept.length < this.entries.length) this.#replace(kept);
  }

  /**
   * Let go of everything; `forGood`: also of what lies below and might come again as the past.
   * @param {boolean} forGood
   */
  clear(forGood) {
    this.#floor = forGood ? this.newest : "0";
    this.#known.clear();
    this.#chars = 0;
    this.leftCount = 0;
    this.#replace([]);
  }

  /** The highest id, or the one below which all was cleared away. */
  get newest() {
    return this.entries.slice().reduce((id, entry) => (isAfter(entry.id, id) ? entry.id : id), this.#floor);
  }

  /** @param {Entry} entry */
  #take(entry) {
    if (this.#known.has(key(entry))) return false;
    const chars = entry.message.length + (isEmpty(entry.data) ? 0 : JSON.stringify(entry.data).length);
    this.#known.set(key(entry), chars);
    this.#chars += chars;
    return true;
  }

  /** @param {Entry} entry */
  #forget(entry) {
    this.#chars -= this.#known.get(key(entry)) ?? 0;
    return this.#known.delete(key(entry));
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

/** The key of an entry. A site that was restored from a backup gives its ids again. @param {Entry} entry */
function key({ id, timestamp }) {
  return `${id} ${timestamp}`;
}

/** Whether an entry's data says nothing. @param {Entry["data"]} data */
export function isEmpty(data) {
  // eslint-disable-next-line no-unreachable-loop -- one name is enough to know; Object.keys would make a list of all
  for (const _ in data) return false;
  return true;
}
