/** The anchor: the entry that stays where it is on the screen when the view becomes another. */
/** @import { Entry } from "../types.d.ts" @import { Run } from "./run.js" */
/** @import { Slice } from "./slice.js" */
import { isLater } from "./store.js";

/**
 * The entry on the screen that has the focus, is current, or is open, else the topmost, with its distance in pixels from
 * the top of the scroller. Null where the list follows its end and none of these is on the screen.
 * @param {HTMLElement} scroller @param {Slice} slice @param {boolean} following
 * @returns {{ entry: Entry, offset: number } | null}
 */
export function anchorOf(scroller, slice, following) {
  const { scrollTop, clientHeight } = scroller;
  const isSeen = (/** @type {HTMLElement} */ row) => {
    return row.offsetTop + row.offsetHeight > scrollTop && row.offsetTop < scrollTop + clientHeight;
  };
  const rows = [...slice.drawn()].map(([row]) => row).filter(isSeen);
  const first = (/** @type {string} */ selector) => rows.find((row) => row.matches(selector));
  const row = first(":focus-within") ?? first("[aria-current]") ?? first(":has(.data)") ?? (following ? undefined : rows[0]);
  const entry = row && slice.entryOf(row);
  return row && entry ? { entry, offset: row.offsetTop - scrollTop } : null;
}

/** The number of an entry, or where that is not shown any more, of the next one. @param {Run<Entry>} shown @param {Entry} entry */
export function numberFrom(shown, entry) {
  const same = shown.numberOf(entry);
  if (same !== undefined) return same;
  const later = shown.slice().findIndex((each) => isLater(each, entry));
  return shown.first + (later >= 0 ? later : Math.max(0, shown.length - 1));
}

/**
 * The numbers of the entries that are on the screen, of the first and of the last; before it begins where none is.
 * @param {HTMLElement} scroller @param {Slice} slice
 */
export function seen({ scrollTop, clientHeight }, slice) {
  const [top, end] = [slice.rowAt(scrollTop), slice.rowAt(scrollTop + clientHeight - 1)];
  return {
    from: top === undefined ? slice.to : slice.numberOf(top),
    to: end === undefined ? slice.to - 1 : slice.numberOf(end),
  };
}
