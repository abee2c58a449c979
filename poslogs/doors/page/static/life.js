/** The life of somebody who has to be heard now and then. */
/** @import { Timer } from "../types.d.ts" */

const ASK = 3 / 4; // of the silence: then a sign of life is asked for
const SPREAD = 1 / 8; // of it, at most and by chance, later: of several who wait one should be first

export class Life {
  #most;
  #parts;
  /** @type {Timer | undefined} */
  #timer;

  /**
   * Calls `ask()` after a silence of most of `most` ms, and `end()` after all of it.
   * @param {number} most @param {{ ask: () => void, end: () => void }} parts
   */
  constructor(most, parts) {
    this.#most = most;
    this.#parts = parts;
  }

  /** There was a sign of life, the first or another one. */
  sign() {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#parts.ask();
      this.#timer = setTimeout(() => this.#parts.end(), this.#most * (1 - ASK + Math.random() * SPREAD));
    }, this.#most * ASK);
  }

  /** Nobody has to be heard any more. */
  stop() {
    clearTimeout(this.#timer);
  }
}
