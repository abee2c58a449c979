/** The repeats: entries that come a second time, as when a new leader begins a little before the place reached. */
/** @import { Entry } from "../types.d.ts" */
import { keyOf } from "./store.js";

const REMEMBERED = 10_000; // at least, and at most twice as many

export class Repeats {
  /** @type {Set<string>[]} */
  #keys = [new Set(), new Set()]; // the younger first

  /** Whether an entry comes for the first time. @param {Entry} entry */
  isNew(entry) {
    const key = keyOf(entry);
    if (this.#keys.some((keys) => keys.has(key))) return false;
    if (this.#keys[0].size === REMEMBERED) this.#keys = [new Set(), this.#keys[0]];
    this.#keys[0].add(key);
    return true;
  }
}
