/** The view: which of the entries held are shown. */
/** @import { Entry, Narrowing, ViewOnlooker } from "../types.d.ts" @import { Store } from "./store.js" */
import { placeOf } from "./diagnosis.js";
import { groupOf } from "./groups.js";
import { Run } from "./run.js";

/**
 * What a log is narrowed to. Each part may be missing: `type`, `path`, `group` (a fingerprint of errors) and `time`
 * (from and to, in milliseconds since 1970).
 * @param {Narrowing} narrowing @param {Entry} entry
 */
export function isWithin(narrowing, entry) {
  const { type, path, group, time } = narrowing;
  if (type !== undefined && entry.type !== type) return false;
  if (path !== undefined && placeOf(entry).path !== path) return false;
  if (group !== undefined && groupOf(entry) !== group) return false;
  if (time === undefined) return true;
  const at = Date.parse(entry.timestamp);
  return at >= time.from && (time.to === undefined || at < time.to);
}

/**
 * Follows a store. Watchers are called: `grown()` at the end, `shrunk()` at the beginning, `changed()` when it is
 * another row of entries altogether.
 */
export class View {
  /** @type {Run<Entry>} */
  shown = new Run();
  /** @type {Narrowing} */
  narrowing = {};
  onlyMatches = false;

  waiting = 0; // how many have come since the pause that would be shown
  news = 0; // how many of those shown have come since `know`

  #store;
  #matches;
  /** @type {ViewOnlooker} */
  #onlooker = {};
  /** @type {Set<Entry> | null} */
  #held = null; // all that has come since the pause; null without one
  /** @type {Entry | undefined} */
  #known; // the newest that had come at `know`

  /**
   * `matches(entry)`: whether the search has found an entry.
   * @param {Store} store @param {(entry: Entry) => boolean} matches
   */
  constructor(store, matches) {
    this.#store = store;
    this.#matches = matches;
    store.watch(this);
  }

  /** @param {ViewOnlooker} onlooker */
  watch(onlooker) {
    this.#onlooker = onlooker;
  }

  /** Narrow further, or with `undefined` for a part less; `null` shows all. @param {Narrowing | null} parts */
  narrow(parts) {
    this.set(parts === null ? {} : { ...this.narrowing, ...parts });
  }

  /** Narrow to this, and to nothing else. @param {Narrowing} narrowing */
  set(narrowing) {
    this.narrowing = narrowing;
    this.refresh(true);
  }

  /** Show only what the search has found, or all. @param {boolean} on */
  setOnlyMatches(on) {
    const isOther = on || this.onlyMatches;
    this.onlyMatches = on;
    this.refresh(isOther);
  }

  /** Whether anything that is held is not shown for what it is; a time alone leaves nothing out between. */
  get isNarrowed() {
    return this.onlyMatches || Object.entries(this.narrowing).some(([name, part]) => name !== "time" && part !== undefined);
  }

  /** What has come counts as known, shown or not. */
  know() {
    this.#known = this.#store.entries.at(this.#store.entries.end - 1);
    this.news = 0;
  }

  get paused() {
    return this.#held !== null;
  }

  /** Show nothing that comes from now on, or go on with it. @param {boolean} on */
  pause(on) {
    this.#held = on ? new Set() : null;
    this.refresh();
  }

  /** The search has found more: only what has come since `know` is new, in whatever order it is found. */
  find() {
    this.refresh(false, true);
  }

  /**
   * Looks at everything again. `isOther`: the reader chose another view, so nothing in it has come just now. `isFound`: the search
   * has found more of what had come.
   * @param {boolean} [isOther] @param {boolean} [isFound]
   */
  refresh(isOther = false, isFound = false) {
    const all = this.#store.entries.slice();
    const held = this.#held;
    if (held !== null) this.#held = new Set(all.filter((entry) => held.has(entry)));
    const fitting = all.filter((entry) => this.#shows(entry));
    const now = held === null ? fitting : fitting.filter((entry) => !held.has(entry));
    this.waiting = fitting.length - now.length;
    const before = this.shown.slice();
    if (!isOther && before.length > 0 && before.length <= now.length && before.every((entry, n) => entry === now[n])) {
      for (const entry of now.slice(before.length)) this.shown.push(entry);
      this.news = isFound ? this.#newsOf(all, now) : this.news + now.length - before.length;
      this.#onlooker.grown?.();
    } else {
      this.shown.replace(now);
      if (isFound) this.news = this.#newsOf(all, now);
      else this.know();
      this.#onlooker.changed?.();
    }
  }

  // From the store

  /** @param {Entry[]} entries */
  added(entries) {
    for (const entry of entries) {
      this.#held?.add(entry);
      if (!this.#shows(entry)) continue;
      if (this.paused) this.waiting += 1;
      else {
        this.shown.push(entry);
        this.news += 1;
      }
    }
    this.#onlooker.grown?.();
  }

  /** @param {Entry[]} entries */
  left(entries) {
    for (const entry of entries) if (this.#held?.delete(entry) && this.#shows(entry)) this.waiting -= 1;
    const gone = new Set(entries);
    const first = () => this.shown.at(this.shown.first);
    for (let entry = first(); entry !== undefined && gone.has(entry); entry = first()) this.shown.shift();
    this.news = Math.min(this.news, this.shown.length);
    this.#onlooker.shrunk?.();
  }

  replaced() {
    this.refresh();
  }

  /** How many of those shown come after what is known. @param {Entry[]} all that are held @param {Entry[]} shown */
  #newsOf(all, shown) {
    let at = shown.length;
    for (let n = all.length - 1; n >= 0 && all[n] !== this.#known; n -= 1) if (all[n] === shown[at - 1]) at -= 1;
    return shown.length - at;
  }

  /** @param {Entry} entry */
  #shows(entry) {
    return isWithin(this.narrowing, entry) && (!this.onlyMatches || this.#matches(entry));
  }
}
