/** The announcer: sums up new entries for screen readers from time to time, not entry by entry. */
/** @import { Entry } from "../types.d.ts" @import { Store } from "./store.js" */
import { counted, visible } from "./text.js";

const BETWEEN_MS = 10_000; // two announcements
const MOST_CHARS = 150; // read out of one message

/**
 * Announce in `box` what comes into a store; `isAmid(entry)`: there are other environments than the entry's.
 * @param {HTMLElement} box @param {Store} store @param {(entry: Entry) => boolean} isAmid
 */
export function announce(box, store, isAmid) {
  let count = 0;
  let errors = 0;
  /** @type {Entry | undefined} */
  let last;
  let due = false;
  const tell = () => {
    due = false;
    if (last === undefined || count === 0) return;
    const among = errors > 0 ? `, ${counted(errors, "error")}` : "";
    const where = isAmid(last) ? `${visible(last.env)}, ` : "";
    box.textContent = `${counted(count, "new entry", "new entries")}${among}. Last: ${where}${last.type}: ${visible(last.message).slice(0, MOST_CHARS)}`;
    count = errors = 0;
    due = true;
    setTimeout(tell, BETWEEN_MS);
  };
  store.watch({
    added(entries) {
      count += entries.length;
      errors += entries.filter(({ type }) => type === "error").length;
      last = entries.at(-1);
      if (!due) {
        due = true;
        setTimeout(tell, 1_000);
      }
    },
    replaced() {
      count = errors = 0;
    },
  });
}
