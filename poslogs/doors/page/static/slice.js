/** The slice: the entries of a view that are drawn, as elements in a row. */
/** @import { Entry } from "../types.d.ts" @import { Run } from "./run.js" */

export class Slice {
  from = 0; // numbers of the view's entries: from the first ...
  to = 0; // ... up to this one, which is not

  #rows;
  #shown;
  #draw;
  #divide;
  /** @type {WeakMap<HTMLElement, Entry>} */
  #entries = new WeakMap(); // of the elements

  /**
   * Draws of the run `shown` into the element `rows`; `draw(entry)` makes an element, before which `divide` puts what is
   * to be said between it and the entry before.
   * @param {HTMLElement} rows @param {Run<Entry>} shown @param {(entry: Entry) => HTMLElement} draw
   * @param {(row: HTMLElement, entry: Entry, before: Entry | undefined) => void} divide
   */
  constructor(rows, shown, draw, divide) {
    this.#divide = divide;
    this.#rows = rows;
    this.#shown = shown;
    this.#draw = draw;
  }

  get length() {
    return this.to - this.from;
  }

  /**
   * Draw these and no others, as far as they are there; what is drawn already stays as it is, unfolded or not.
   * @param {number} from @param {number} to
   */
  only(from, to) {
    const focused = document.activeElement;
    const before = new Map([...this.drawn()].map(([row, entry]) => [entry, row]));
    this.from = Math.max(this.#shown.first, from);
    this.to = Math.max(this.from, Math.min(this.#shown.end, to));
    this.#rows.replaceChildren(...this.#made(this.from, this.to, before));
    if (focused instanceof HTMLElement && this.#rows.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** Look again at what is to be said between the rows. */
  divide() {
    let number = this.from;
    for (const [row, entry] of this.drawn()) {
      number += 1;
      this.#divide(row, entry, this.#shown.at(number - 2));
    }
  }

  /** Draws more after these, up to a number. @param {number} to */
  extend(to) {
    if (to <= this.to) return;
    this.#rows.append(...this.#made(this.to, to));
    this.to = to;
  }

  /** Draw more before, from a number on. @param {number} from */
  precede(from) {
    this.#rows.prepend(...this.#made(from, this.from));
    this.from = from;
  }

  /** @param {number} count */
  dropFirst(count) {
    for (let n = 0; n < count; n += 1) this.#rows.firstElementChild?.remove();
    this.from += count;
  }

  /** @param {number} count */
  dropLast(count) {
    for (let n = 0; n < count; n += 1) this.#rows.lastElementChild?.remove();
    this.to -= count;
  }

  /** Let go of what the run has not got any more. */
  catchUp() {
    const gone = Math.min(this.#shown.first, this.to) - this.from;
    if (gone > 0) this.dropFirst(gone);
    this.from = Math.max(this.from, this.#shown.first);
    this.to = Math.max(this.to, this.from);
  }

  /**
   * The element of a number; undefined when it is not drawn.
   * @param {number} number @returns {HTMLElement | undefined}
   */
  rowOf(number) {
    return this.#elements[number - this.from];
  }

  /** @param {HTMLElement} row */
  numberOf(row) {
    return this.from + [...this.#elements].indexOf(row);
  }

  /** @param {HTMLElement} row */
  entryOf(row) {
    return this.#entries.get(row);
  }

  /** The elements that are drawn, each with its entry. @returns {Generator<[HTMLElement, Entry], void, void>} */
  *drawn() {
    for (const row of this.#elements) {
      const entry = this.entryOf(row);
      if (entry !== undefined) yield [row, entry];
    }
  }

  /**
   * The first element that is not wholly above `top`, in pixels from the beginning of what is scrolled.
   * @param {number} top
   */
  rowAt(top) {
    return [...this.#elements].find((row) => row.offsetTop + row.offsetHeight > top);
  }

  get #elements() {
    return /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#rows.children); // `draw` made them
  }

  /** @param {number} from @param {number} to @param {Map<Entry, HTMLElement>} [before] */
  #made(from, to, before = new Map()) {
    return this.#shown.slice(from, to).map((entry, n) => {
      const row = before.get(entry) ?? this.#draw(entry);
      this.#entries.set(row, entry);
      this.#divide(row, entry, this.#shown.at(from + n - 1));
      return row;
    });
  }
}
