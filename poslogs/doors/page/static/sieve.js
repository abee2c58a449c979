/** The sieve: which of the entries that are held a query with expressions keeps, as far as that is quick. */
/** @import { Entry, Timer } from "../types.d.ts" */
import { started } from "./workers.js";

const DEADLINE_MS = 200; // past it the server is asked: its expressions take no longer than the text is long
const MOST_ENTRIES = 2000; // that are looked at here, the newest: as many as are drawn

/** Those of the newest entries that a query holds for; none when it takes too long. @param {Entry[]} entries @param {string} query */
export async function sifted(entries, query) {
  const newest = entries.slice(-MOST_ENTRIES);
  const worker = started("query-worker.js");
  /** @type {Timer | undefined} */
  let limit;
  try {
    /** @type {boolean[]} */
    const held = await new Promise((resolve) => {
      worker.onerror = () => resolve([]);
      worker.onmessage = ({ data }) => {
        if (data !== "ready") return resolve(data);
        limit = setTimeout(() => resolve([]), DEADLINE_MS);
        worker.postMessage({ query, entries: newest });
      };
    });
    return newest.filter((_, n) => held[n]);
  } finally {
    clearTimeout(limit);
    worker.terminate();
  }
}
