/** The divider: what is said between two rows. */
/** @import { Entry } from "../types.d.ts" @import { Gaps } from "./gaps.js" */
import { now } from "./clock.js";
import { keyOf } from "./store.js";
import { lasting } from "./times.js";
import { element } from "./tree.js";
import { day } from "./zone.js";

const SILENCE_MS = 60_000; // from which on a silence is told

export class Divider {
  #gaps;
  #isWhole;
  #newFrom = ""; // key of the first entry that has come since the reader looked away
  #lastSeen = ""; // key of the last one before

  /** `isWhole()`: nothing is left out of what is shown, so that silence is silence. @param {Gaps} gaps @param {() => boolean} isWhole */
  constructor(gaps, isWhole) {
    this.#gaps = gaps;
    this.#isWhole = isWhole;
  }

  /**
   * Put before the row of an entry what is to be said between it and the one before; `above` is that of the row above,
   * which may stand for several.
   * @param {HTMLElement} row @param {Entry} entry @param {Entry | undefined} before @param {Entry | undefined} [above]
   */
  divide(row, entry, before, above = before) {
    row.querySelector(":scope > .divider")?.remove();
    const [today, last] = [Date.parse(entry.timestamp), above === undefined ? now() : Date.parse(above.timestamp)].map(day);
    const said = [...(today === last ? [] : [today]), ...(before === undefined ? [] : this.#said(entry, before))];
    if (said.length > 0) row.prepend(element("div", "divider", said.join(" · ")));
  }

  /** Whether a line between two entries says more than a time. @param {Entry} entry @param {Entry} before */
  isApart(entry, before) {
    return this.#gaps.isBetween(before, entry) || (this.#newFrom !== "" && keyOf(entry) === this.#newFrom);
  }

  /** The reader looks away, and has seen all up to an entry. @param {Entry | undefined} last */
  leave(last) {
    this.#lastSeen = last === undefined ? "" : keyOf(last);
  }

  /** What comes after an entry is new to the reader. Returns whether that is another than before. @param {Entry | undefined} first */
  mark(first) {
    const key = first === undefined ? "" : keyOf(first);
    if (key === this.#newFrom) return false;
    this.#newFrom = key;
    return true;
  }

  get lastSeen() {
    return this.#lastSeen;
  }

  /** @param {Entry} entry @param {Entry} before */
  #said(entry, before) {
    const said = [];
    const silence = Date.parse(entry.timestamp) - Date.parse(before.timestamp);
    if (this.#gaps.isBetween(before, entry)) said.push("some entries between are not loaded here");
    else if (silence >= SILENCE_MS && this.#isWhole()) said.push(`${lasting(silence)} of silence`);
    if (keyOf(entry) === this.#newFrom) said.push("new since you looked");
    return said;
  }
}
