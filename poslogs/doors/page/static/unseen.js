/** The unseen: a place in the log that was gone to while another tab lay on it, until it is seen. */
/** @import { Entry } from "../types.d.ts" */

/** @typedef {{ entry: Entry, offset: number | undefined }} Place */

export class Unseen {
  /** @type {Place | null} */
  place = null;

  #scroller;

  /** @param {HTMLElement} scroller of the log */
  constructor(scroller) {
    this.#scroller = scroller;
  }

  /** An entry was gone to, `offset` px below the top. @param {Entry | undefined} entry @param {number | undefined} offset */
  note(entry, offset) {
    this.place = entry === undefined || this.#isSeen ? null : { entry, offset };
  }

  /** The place, once it is to be seen. */
  take() {
    const { place } = this;
    if (this.#isSeen) this.place = null;
    return this.#isSeen ? place : null;
  }

  get #isSeen() {
    return this.#scroller.clientHeight > 0;
  }
}
