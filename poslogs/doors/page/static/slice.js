/** The slice: the lines of a view that are drawn, as elements in a row. */
/** @import { Entry } from "../types.d.ts" @import { Lines } from "./lines.js" */

export class Slice {
  from = 0; // numbers of the lines: from the first ...
  to = 0; // ... up to this one, which is not

  #rows;
  #lines;
  #draw;
  #tell;
  /** @type {WeakMap<HTMLElement, Entry>} */
  #entries = new WeakMap(); // of the elements

  /**
   * Draws of the lines into the element `rows`; `draw(entry)` makes an element, to which `tell` adds what its line has to
   * say besides.
   * @param {HTMLElement} rows @param {Lines} lines @param {(entry: Entry) => HTMLElement} draw
   * @param {(row: HTMLElement, entry: Entry, line: number) => void} tell
   */
  constructor(rows, lines, draw, tell) {
    this.#tell = tell;
    this.#rows = rows;
    this.#lines = lines;
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
    this.from = Math.max(this.#lines.first, from);
    this.to = Math.max(this.from, Math.min(this.#lines.end, to));
    this.#rows.replaceChildren(...this.#made(this.from, this.to, before));
    if (focused instanceof HTMLElement && this.#rows.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** Look again at what the lines have to say. */
  tell() {
    let line = this.from;
    for (const [row, entry] of this.drawn()) {
      this.#tell(row, entry, line);
      line += 1;
    }
  }

  /** Look again at what one line has to say, if it is drawn. @param {number} line */
  tellOf(line) {
    const row = this.rowOf(line);
    const entry = row && this.entryOf(row);
    if (row && entry) this.#tell(row, entry, line);
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

  /** Let go of the lines that are gone; the first one left may have lost its entry. */
  catchUp() {
    const gone = Math.min(this.#lines.first, this.to) - this.from;
    if (gone > 0) this.dropFirst(gone);
    this.from = Math.max(this.from, this.#lines.first);
    this.to = Math.max(this.to, this.from);
    const row = this.rowOf(this.from);
    if (row !== undefined && this.entryOf(row) !== this.#lines.at(this.from)) row.replaceWith(...this.#made(this.from, this.from + 1));
    else if (this.#lines.streakAt(this.from) !== undefined) this.tellOf(this.from);
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
    const rows = [];
    for (let line = from; line < to; line += 1) {
      const entry = this.#lines.at(line);
      if (entry === undefined) continue;
      const row = before.get(entry) ?? this.#draw(entry);
      this.#entries.set(row, entry);
      this.#tell(row, entry, line);
      rows.push(row);
    }
    return rows;
  }
}
