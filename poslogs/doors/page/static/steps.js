/** Steps: from where the reader is to the next entry that is looked for, or to the one before. */
/** @import { Entry } from "../types.d.ts" @import { Current } from "./current.js" @import { List } from "./list.js" */
/** @import { Run } from "./run.js" */

export class Steps {
  #shown;
  #list;
  #current;

  /** @param {Run<Entry>} shown @param {List} list @param {Current} current */
  constructor(shown, list, current) {
    this.#shown = shown;
    this.#list = list;
    this.#current = current;
  }

  /**
   * Makes the next entry (1) that `holds` is true of current, or the one before (-1), and brings it into view. Goes on
   * from the current entry where that is on the screen, else from what is there, and around at the ends. Of a streak that
   * is folded the first counts for all; where it is another that is looked for, the streak is unfolded. Returns which it is
   * of how many, from 1; null where there is none.
   * @param {number} by @param {(entry: Entry) => boolean} holds
   */
  to(by, holds) {
    const found = this.#shown.numbers(holds);
    if (found.length === 0) return null;
    const { before, after } = this.#from;
    const next = by > 0 ? found.findIndex((number) => number >= after) : found.findLastIndex((number) => number <= before);
    const nearest = next >= 0 ? next : by > 0 ? 0 : found.length - 1;
    const { lines } = this.#list;
    const folded = found.indexOf(lines.numberAt(lines.lineOf(found[nearest])));
    const at = folded >= 0 ? folded : nearest;
    const entry = this.#shown.at(found[at]);
    const line = lines.unfold(entry);
    const row = line === undefined ? undefined : this.#list.reveal(line);
    this.#current.set(entry);
    return { at: at + 1, of: found.length, row, entry };
  }

  /**
   * Goes to where a reader begins who has chosen a time: to its first error, else to its first entry. A current entry that is
   * on the screen stays there, and so does all where nothing lies beyond the screen.
   */
  begin() {
    const { from, to } = this.#list.screen;
    const { lines } = this.#list;
    const at = lines.find(this.#current.entry);
    if (at !== undefined && at >= from && at <= to) return;
    const [error] = this.#shown.numbers(isError);
    if (from > lines.first || to < lines.end - 1) {
      if (error === undefined) this.#list.reveal(lines.first, 0);
      else this.#list.reveal(lines.lineOf(error));
    }
    this.#current.set(error === undefined ? undefined : lines.at(lines.lineOf(error)));
  }

  /** The view's first number that comes after where the reader is, and the last one before. */
  get #from() {
    const { from, to } = this.#list.screen;
    const { lines } = this.#list;
    const at = lines.find(this.#current.entry);
    const isSeen = at !== undefined && at >= from && at <= to;
    return { after: lines.numberAt(isSeen ? at + 1 : from), before: lines.numberAt(isSeen ? at : to + 1) - 1 };
  }
}

/** @param {Entry} entry */
export function isError({ type }) {
  return type === "error";
}
