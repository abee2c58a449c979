/** The reach: where a view goes further back than what is held, the server is asked for what is missing. */
/** @import { Narrowing } from "../types.d.ts" @import { Log } from "./log.js" */
import { Recall } from "./recall.js";
import { written } from "./times.js";
import { messageOf } from "./text.js";

export class Reach {
  #log;
  #recall;
  #box;
  #of = ""; // the environment and filter that were looked at last
  #left = false; // others have been looked at since the server was asked last, so the answer may have left
  #asked = ""; // for what it was asked
  /** @type {Promise<void>} */
  #answered = Promise.resolve(); // settles with the answer to that

  /** It says in `box` how it goes. @param {Log} log @param {HTMLElement} box */
  constructor(log, box) {
    this.#log = log;
    this.#recall = new Recall(log);
    this.#box = box;
  }

  /**
   * Hold what there is of a time, as far as there is room. Returns what resolves when it is held, or cannot be.
   * @param {Narrowing["time"]} time
   */
  to(time) {
    const { from = 0, to } = time ?? {};
    const of = JSON.stringify([this.#log.env, this.#log.filter]);
    const key = `${of} ${from} ${to}`;
    this.#left ||= of !== this.#of;
    this.#of = of;
    if ((from !== 0 || to !== undefined) && (this.#left || key !== this.#asked)) {
      this.#asked = key;
      this.#left = false;
      this.#answered = this.#ask(key, from, to);
    }
    return this.#answered;
  }

  /** @param {string} key @param {number} from 0 for any time @param {number | undefined} to */
  async #ask(key, from, to) {
    if (from !== 0 && this.#log.covers(from)) return;
    this.#box.textContent = "Asking for earlier entries …";
    try {
      const whole = await this.#recall.span(from === 0 ? undefined : written(from), to === undefined ? undefined : written(to - 1));
      if (key === this.#asked) this.#box.textContent = whole ? "" : "There are more entries of that time than the page asks for.";
    } catch (error) {
      if (key === this.#asked) this.#box.textContent = `Earlier entries cannot be shown: ${messageOf(error)}`;
    }
  }
}
