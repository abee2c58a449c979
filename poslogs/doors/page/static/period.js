/** The period: the controls of the time that a view is narrowed to. */
/** @import { Narrow, Narrowing } from "../types.d.ts" */
import { now } from "./clock.js";
import { moment, shortly, written } from "./times.js";

const MINUTE = 60_000;

export class Period {
  #last;
  #since;
  #from = -1; // as it was chosen by `last`
  #told = "";

  /** `last` has numbers of minutes, "" for any time. @param {HTMLSelectElement} last @param {HTMLInputElement} since @param {Narrow} narrow */
  constructor(last, since, narrow) {
    this.#last = last;
    this.#since = since;
    last.addEventListener("change", () => {
      if (last.value === "") return narrow({ time: undefined });
      this.#from = now() - Number(last.value) * MINUTE;
      narrow({ time: { from: this.#from } });
    });
    since.addEventListener("change", () => {
      const from = since.value.trim() === "" ? undefined : moment(since.value.trim());
      since.setAttribute("aria-invalid", String(Number.isNaN(from)));
      if (from === undefined) narrow({ time: undefined });
      else if (!Number.isNaN(from)) narrow({ time: { from } });
    });
  }

  /** Say what the view is narrowed to. @param {Narrowing["time"]} time */
  tell(time) {
    if (time?.from !== this.#from) this.#last.value = "";
    const text = time === undefined || time.from === 0 ? "" : written(time.from);
    if (text === this.#told) return; // so that it does not undo what is being typed
    this.#told = text;
    this.#since.value = text === "" ? "" : shortly(time?.from ?? 0);
    this.#since.setAttribute("aria-invalid", "false");
  }
}
