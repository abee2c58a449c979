/** The vocabulary: the types and error types that a log has shown, by which the filter knows one from a text. */
/** @import { Entry } from "../types.d.ts" @import { Store } from "./store.js" */

const TYPES = ["error", "warn", "info", "debug"];
const MOST = 200; // kept

export class Vocabulary {
  /** @type {Map<string, string>} */
  #types = new Map(TYPES.map((type) => [type, type])); // as they were written first, in small letters

  /** @param {Store} store */
  constructor(store) {
    store.watch({ added: (entries) => this.#see(entries), replaced: () => this.#see(store.entries.slice()) });
  }

  /** All of them, as they were written. */
  get types() {
    return [...this.#types.values()];
  }

  /** @param {string} word */
  isType(word) {
    return this.#types.has(word.toLowerCase());
  }

  /** @param {Entry[]} entries */
  #see(entries) {
    for (const { error_type: type } of entries) {
      if (typeof type !== "string" || type === "" || this.#types.has(type.toLowerCase())) continue;
      if (this.#types.size < MOST) this.#types.set(type.toLowerCase(), type);
    }
  }
}
