/** The current entry: the one that the reader is at. It stays current when the focus goes to a control. */
/** @import { Entry } from "../types.d.ts" @import { Slice } from "./slice.js" */
import { around } from "./places.js";
import { keyOf } from "./store.js";

export class Current {
  /** @type {Entry | undefined} */
  entry;

  #slice;
  #key = "";
  #onChange;

  /**
   * Becomes what gets the focus in `rows`, whose elements `slice` knows. `onChange()` is called when it is another.
   * @param {HTMLElement} rows @param {Slice} slice @param {() => void} onChange
   */
  constructor(rows, slice, onChange) {
    this.#slice = slice;
    this.#onChange = onChange;
    rows.addEventListener("focusin", (event) => {
      const row = around(event, "li[data-id]");
      if (row !== null) this.set(slice.entryOf(row));
    });
  }

  /** @param {Entry | undefined} entry */
  set(entry) {
    const key = entry === undefined ? "" : keyOf(entry);
    this.entry = entry;
    if (key === this.#key) return;
    this.row?.removeAttribute("aria-current");
    this.#key = key;
    this.row?.setAttribute("aria-current", "true");
    this.#onChange();
  }

  /** Whether it is this entry. @param {Entry} entry */
  is(entry) {
    return entry.id === this.entry?.id && keyOf(entry) === this.#key;
  }

  /** Its element; undefined where it is not drawn. @returns {HTMLElement | undefined} */
  get row() {
    for (const [row, entry] of this.#key === "" ? [] : this.#slice.drawn()) if (keyOf(entry) === this.#key) return row;
    return undefined;
  }

  /** An element was made of an entry: that of the current one says so. @param {HTMLElement} row @param {Entry} entry */
  drew(row, entry) {
    if (keyOf(entry) !== this.#key) return;
    this.entry = entry; // the same may have come again
    row.setAttribute("aria-current", "true");
  }
}
