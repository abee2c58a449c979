/**
 * The lines: what is drawn of a view's entries. That is each of them, or, with `Fold repeats`, of those that are alike and
 * follow one another the first, until the reader unfolds them.
 */
/** @import { Entry, LinesOnlooker, Timer } from "../types.d.ts" @import { View } from "./view.js" */
import { isAlike, isKnownAlike } from "./kind.js";
import { keyOf } from "./store.js";
import { Streaks } from "./streaks.js";

const WARM_MS = 50; // at a time, for finding out what is alike; then the page does something else
const MANY = 1_000; // entries at once, from which on that may take longer

/** Lines have numbers as the things of a run have, and keep them until `refolded`. */
export class Lines {
  #shown;
  #parts;
  #warmMs;
  /** @type {LinesOnlooker} */
  #onlooker = {};
  /** @type {Streaks | null} */
  #streaks = null; // null while nothing is folded
  /** @type {Set<string>} */
  #opened = new Set(); // keys of entries whose streaks the reader has unfolded
  #cold = 0; // the entries before this number are not yet compared
  /** @type {Timer | undefined} */
  #timer;

  /**
   * `isApart(entry, before)`: something is said between the two, so they are not folded. `isKept(entry)`: the reader is at
   * it, so it stays seen.
   * @param {View} view
   * @param {{ isApart: (entry: Entry, before: Entry) => boolean, isKept: (entry: Entry) => boolean }} parts
   */
  constructor(view, parts, warmMs = WARM_MS) {
    this.#shown = view.shown;
    this.#parts = parts;
    this.#warmMs = warmMs;
    view.watch(this);
  }

  /** @param {LinesOnlooker} onlooker */
  watch(onlooker) {
    this.#onlooker = onlooker;
  }

  /** Fold what repeats, or show each entry. @param {boolean} on */
  fold(on) {
    if (on === (this.#streaks !== null)) return;
    clearTimeout(this.#timer);
    this.#opened.clear();
    this.#streaks = null;
    if (on) this.#renew();
    this.#onlooker.refolded?.();
  }

  /** Look again at what is folded. */
  refold() {
    if (this.#streaks === null) return;
    this.#renew();
    this.#onlooker.refolded?.();
  }

  get first() {
    return (this.#streaks ?? this.#shown).first;
  }

  get end() {
    return (this.#streaks ?? this.#shown).end;
  }

  /** The entry of a line. @param {number} line */
  at(line) {
    return this.#shown.at(this.numberAt(line));
  }

  /** The view's number of a line's entry; before and after all lines that of the entry there. @param {number} line */
  numberAt(line) {
    return this.#streaks?.numberAt(line) ?? line;
  }

  /** The line that an entry has or is folded into, by the view's number. @param {number} number */
  lineOf(number) {
    return this.#streaks?.lineOf(number) ?? number;
  }

  /** The same of an entry; undefined where it is not shown. @param {Entry | undefined} entry */
  find(entry) {
    const number = this.#shown.numberOf(entry);
    return number === undefined ? undefined : this.lineOf(number);
  }

  /** What is to be said at a line of its streak, where it is the first of several. @param {number} line */
  streakAt(line) {
    const streak = this.#streaks?.at(line);
    if (streak === undefined || streak.count < 2 || streak.line !== line) return undefined;
    const last = this.#shown.at(streak.from + streak.count - 1);
    return last && { count: streak.count, open: streak.open, last };
  }

  /** The first line of the last streak, the only one that grows; NaN where nothing is folded. */
  get growing() {
    return this.#streaks?.at(this.end - 1)?.line ?? NaN;
  }

  /** Unfold the streak of a line, or fold it again. Returns the entries that have no line any more. @param {number} line */
  toggle(line) {
    const streak = this.#streaks?.at(line);
    if (streak === undefined) return [];
    const entries = this.#shown.slice(streak.from, streak.from + streak.count);
    if (streak.open) for (const entry of entries) this.#opened.delete(keyOf(entry));
    else for (const entry of [entries[0], entries[entries.length - 1]]) this.#opened.add(keyOf(entry)); // the first may leave
    this.#streaks?.toggle(streak);
    this.#onlooker.refolded?.();
    return streak.open ? [] : entries.slice(1);
  }

  /** The same, once its streak is unfolded if need be: it has a line of its own. @param {Entry | undefined} entry */
  unfold(entry) {
    const line = this.find(entry);
    if (line !== undefined && this.at(line) !== entry) this.toggle(line);
    return this.find(entry);
  }

  // From the view

  grown() {
    if (this.#streaks !== null && this.#shown.end - this.#streaks.reached > MANY) this.refold();
    this.#streaks?.extend((entry, before) => isAlike(entry, before) && !this.#parts.isApart(entry, before));
    this.#onlooker.grown?.();
  }

  shrunk() {
    this.#streaks?.drop();
    this.#onlooker.shrunk?.();
  }

  changed() {
    if (this.#streaks !== null) this.#renew();
    this.#onlooker.refolded?.();
  }

  /** Makes the streaks anew as far as it is known what is alike, and once more when all is. */
  #renew() {
    clearTimeout(this.#timer);
    if (this.#build()) return;
    this.#cold = this.#shown.end;
    if (!this.#warm()) this.#later();
    this.#build();
  }

  /** Returns whether nothing was left to find out. */
  #build() {
    let isKnown = true;
    const joins = (/** @type {Entry} */ entry, /** @type {Entry} */ before) => {
      const alike = isKnownAlike(entry, before);
      isKnown &&= alike !== undefined;
      return alike === true && !this.#parts.isApart(entry, before);
    };
    this.#streaks = new Streaks(this.#shown, (entry, isFirst) => this.#isOpen(entry, isFirst));
    this.#streaks.extend(joins);
    return isKnown;
  }

  #later() {
    this.#timer = setTimeout(() => {
      if (!this.#warm()) return this.#later();
      this.#build();
      this.#onlooker.refolded?.();
    });
  }

  /** Finds out what is alike, the newest first, as far as there is time. Returns whether that is all. */
  #warm() {
    const until = performance.now() + this.#warmMs;
    do {
      this.#cold -= 1;
      const [before, entry] = [this.#shown.at(this.#cold - 1), this.#shown.at(this.#cold)];
      if (before !== undefined && entry !== undefined) isAlike(before, entry);
    } while (this.#cold > this.#shown.first && performance.now() < until);
    return this.#cold <= this.#shown.first;
  }

  /** @param {Entry} entry @param {boolean} isFirst */
  #isOpen(entry, isFirst) {
    return (this.#opened.size > 0 && this.#opened.has(keyOf(entry))) || (!isFirst && this.#parts.isKept(entry));
  }
}
