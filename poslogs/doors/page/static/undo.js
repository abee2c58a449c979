/** The undo: for some seconds after something was done the reader may take it back. */
/** @import { Timer } from "../types.d.ts" */
import { within } from "./places.js";

const OFFERED_MS = 10_000;

export class Undo {
  #box;
  /** @type {(() => void) | null} */
  #act = null;
  /** @type {Timer | undefined} */
  #timer;

  /** `box` has a button, and says what was done. @param {HTMLElement} box */
  constructor(box) {
    this.#box = box;
    within(box, "button", HTMLButtonElement).addEventListener("click", () => this.take());
  }

  /** Offer to take back what was just done, by `act`. @param {() => void} act */
  offer(act) {
    clearTimeout(this.#timer);
    this.#act = act;
    this.#box.hidden = false;
    this.#timer = setTimeout(() => this.end(), OFFERED_MS);
  }

  /** Take it back, if that is still offered. */
  take() {
    const act = this.#act;
    this.end();
    act?.();
  }

  /** Offer it no more. */
  end() {
    clearTimeout(this.#timer);
    this.#act = null;
    this.#box.hidden = true;
  }
}
