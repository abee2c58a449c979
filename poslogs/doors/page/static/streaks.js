/** The streaks: entries that are alike and follow one another, which are folded into one line or have a line each. */
/** @import { Entry } from "../types.d.ts" */
import { Run } from "./run.js";

/**
 * `from` is the number of its first entry in the run of entries, `line` that of its first line.
 * @typedef {{ from: number, count: number, line: number, open: boolean }} Streak
 */

/** The lines of a run of entries, in order. Lines keep their numbers until `lay`. */
export class Streaks {
  #entries;
  #isOpen;
  /** @type {Run<Streak>} */
  #lines = new Run(); // of each line its streak

  /**
   * `isOpen(entry, isFirst)`: the streak that an entry is in, as the first or a later one, is to be open.
   * @param {Run<Entry>} entries @param {(entry: Entry, isFirst: boolean) => boolean} isOpen
   */
  constructor(entries, isOpen) {
    this.#entries = entries;
    this.#isOpen = isOpen;
  }

  get first() {
    return this.#lines.first;
  }

  get end() {
    return this.#lines.end;
  }

  /** The number of the first entry that has no line yet. */
  get reached() {
    const last = this.#last;
    return last === undefined ? this.#entries.first : last.from + last.count;
  }

  /** The streak of a line. @param {number} line */
  at(line) {
    return this.#lines.at(line);
  }

  /** The number of a line's entry; before and after all lines that of the entry there. @param {number} line */
  numberAt(line) {
    const streak = this.#lines.at(line);
    if (streak === undefined) return line < this.first ? this.#entries.first - 1 : this.reached;
    return streak.from + (streak.open ? line - streak.line : 0);
  }

  /** The line that an entry has or is folded into. @param {number} number */
  lineOf(number) {
    let [low, high] = [this.first, this.end - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.numberAt(middle) <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Take in the entries that have no line yet. `joins(entry, before)`: it belongs to the streak of the one before. @param {(entry: Entry, before: Entry) => boolean} joins */
  extend(joins) {
    for (let number = this.reached; number < this.#entries.end; number += 1) {
      const entry = this.#entries.at(number);
      const before = this.#entries.at(number - 1);
      const last = this.#last;
      if (entry === undefined) continue;
      if (last === undefined || before === undefined || !joins(entry, before)) {
        this.#lines.push({ from: number, count: 1, line: this.end, open: this.#isOpen(entry, true) });
        continue;
      }
      last.count += 1;
      const more = last.open ? 1 : this.#isOpen(entry, false) ? last.count - 1 : 0;
      last.open ||= more > 0;
      for (let n = 0; n < more; n += 1) this.#lines.push(last);
    }
  }

  /** Let go of what the run of entries has not got any more. */
  drop() {
    const first = () => this.#lines.at(this.#lines.first);
    for (let streak = first(); streak !== undefined && streak.from < this.#entries.first; streak = first()) {
      const gone = Math.min(streak.count, this.#entries.first - streak.from);
      streak.from += gone;
      streak.count -= gone;
      const lines = streak.open ? gone : Number(streak.count === 0);
      if (streak.open) streak.line += gone;
      for (let n = 0; n < lines; n += 1) this.#lines.shift();
    }
  }

  /** Open a streak or close it; the lines have other numbers then. @param {Streak} streak */
  toggle(streak) {
    streak.open = !streak.open;
    /** @type {Streak[]} */
    const lines = [];
    for (const each of new Set(this.#lines.slice())) {
      each.line = lines.length;
      for (let n = 0; n < (each.open ? each.count : 1); n += 1) lines.push(each);
    }
    this.#lines.replace(lines);
  }

  get #last() {
    return this.#lines.at(this.#lines.end - 1);
  }
}
