/** The reach: where a view goes further back than what is held, the server is asked for what is missing. */
/** @import { Narrowing } from "../types.d.ts" @import { Log } from "./log.js" */
import { Recall } from "./recall.js";
import { written } from "./times.js";
import { messageOf } from "./text.js";

export class Reach {
  #log;
  #recall;
  #box;
  #asked = ""; // for what the server was asked last

  /** It says in `box` how it goes. @param {Log} log @param {HTMLElement} box */
  constructor(log, box) {
    this.#log = log;
    this.#recall = new Recall(log);
    this.#box = box;
  }

  /** Hold what there is of a time, as far as there is room. @param {Narrowing["time"]} time */
  async to(time) {
    const from = time?.from ?? 0;
    const to = time?.to;
    const key = JSON.stringify([this.#log.env, this.#log.filter, from, to]);
    if (from === 0 || key === this.#asked) return;
    this.#asked = key;
    if (this.#log.covers(from)) return;
    this.#box.textContent = "Asking for earlier entries …";
    try {
      const whole = await this.#recall.span(written(from), to === undefined ? undefined : written(to - 1));
      if (key === this.#asked) this.#box.textContent = whole ? "" : "There are more entries of that time than the page asks for.";
    } catch (error) {
      if (key === this.#asked) this.#box.textContent = `Earlier entries cannot be shown: ${messageOf(error)}`;
    }
  }
}
