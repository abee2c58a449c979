/** The chosen: the entries of a store that lie in the time which a view is narrowed to; all of them without one. */
/** @import { Entry, Narrowing, Onlooker } from "../types.d.ts" @import { Store } from "./store.js" */
import { isWithin } from "./view.js";

/** Tells its watchers as a store does; what is chosen anew is `replaced()`. */
export class Chosen {
  #store;
  /** @type {Narrowing["time"]} */
  #time;
  /** @type {Onlooker[]} */
  #onlookers = [];

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
    store.watch({
      added: (entries) => this.#tell("added", this.#within(entries)),
      left: (entries) => this.#tell("left", this.#within(entries)),
      replaced: () => this.#tell("replaced"),
    });
  }

  /** @param {Onlooker} onlooker */
  watch(onlooker) {
    this.#onlookers.push(onlooker);
  }

  get entries() {
    return this.#within(this.#store.entries.slice());
  }

  /** Choose a time, or with `undefined` any. @param {Narrowing["time"]} time */
  choose(time) {
    if (time?.from === this.#time?.from && time?.to === this.#time?.to) return;
    this.#time = time;
    this.#tell("replaced");
  }

  /** @param {Entry[]} entries */
  #within(entries) {
    const time = this.#time;
    return time === undefined ? entries : entries.filter((entry) => isWithin({ time }, entry));
  }

  /** @param {keyof Onlooker} what @param {Entry[]} [entries] */
  #tell(what, entries = []) {
    for (const onlooker of this.#onlookers) onlooker[what]?.(entries);
  }
}
