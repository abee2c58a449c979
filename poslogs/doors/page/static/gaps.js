/** The gaps: where entries are missing between those that are held, since some were asked for by themselves. */
/** @import { Entry } from "../types.d.ts" @import { Store } from "./store.js" */
import { isLater, keyOf } from "./store.js";

export class Gaps {
  #store;
  /** @type {Map<string, Entry>} */
  #ends = new Map(); // entries right before which others may be missing, by their keys

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
    store.watch({
      left: (entries) => entries.forEach((entry) => this.#ends.delete(keyOf(entry))),
      replaced: () => this.#prune(),
    });
  }

  /**
   * These entries were taken in, oldest first: all that there are from the first to the last one; `fresh` are those that
   * were not held. `joins`: what is held after them follows on them.
   * @param {Entry[]} entries @param {Entry[]} fresh @param {boolean} joins
   */
  note(entries, fresh, joins) {
    const isFresh = new Set(fresh);
    for (const env of new Set(entries.map((entry) => entry.env))) {
      const [first, ...more] = entries.filter((entry) => entry.env === env);
      for (const entry of more) this.#ends.delete(keyOf(entry));
      if (isFresh.has(first)) this.#ends.set(keyOf(first), first);
      const last = more.at(-1) ?? first;
      const next = this.#next(last);
      if (next === undefined) continue;
      if (joins) this.#ends.delete(keyOf(next));
      else if (isFresh.has(last)) this.#ends.set(keyOf(next), next);
    }
  }

  /** Whether entries may be missing after one that is held and before, or at, another. @param {Entry} before @param {Entry} entry */
  isBetween(before, entry) {
    for (const end of this.#ends.values()) if (isLater(end, before) && !isLater(end, entry)) return true;
    return false;
  }

  /** Whether what comes right before and after an entry is held. @param {Entry} entry */
  surrounds(entry) {
    const entries = this.#store.entries.slice().filter(({ env }) => env === entry.env);
    const at = entries.indexOf(entry);
    return at > 0 && at < entries.length - 1 && !this.#ends.has(keyOf(entry)) && !this.#ends.has(keyOf(entries[at + 1]));
  }

  /** The newest of these entries, as far as none of the same environment is missing between them. @param {Entry[]} entries */
  unbroken(entries) {
    /** @type {Map<string, number>} */
    const begins = new Map(); // where each environment's last gap is
    if (this.#ends.size > 0) entries.forEach((entry, n) => this.#ends.has(keyOf(entry)) && begins.set(entry.env, n));
    return entries.filter(({ env }, n) => n >= (begins.get(env) ?? 0));
  }

  /** The first entry of an environment that is held after another. @param {Entry} last */
  #next(last) {
    return this.#store.entries.slice().find((entry) => entry.env === last.env && isLater(entry, last));
  }

  #prune() {
    for (const [key, entry] of this.#ends) if (!this.#store.has(entry)) this.#ends.delete(key);
  }
}
