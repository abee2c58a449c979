/** The tally: how many entries a row stands for, as a button that shows each. */
/** @import { Entry } from "../types.d.ts" */
import { within } from "./places.js";
import { counted } from "./text.js";
import { element } from "./tree.js";
import { time } from "./zone.js";

/**
 * Have the row of an entry tell of its streak, or of none.
 * @param {HTMLElement} row @param {{ count: number, open: boolean, last: Entry } | undefined} streak
 */
export function tally(row, streak) {
  /** @type {HTMLButtonElement | null} */
  const before = row.querySelector(":scope > .lead > .body > .tally");
  if (streak === undefined) {
    before?.nextSibling?.remove(); // a blank
    before?.remove();
    return;
  }
  const button = before ?? made(row);
  const { count, open, last } = streak;
  button.setAttribute("aria-expanded", String(open));
  button.setAttribute("aria-label", `${counted(count, "time")}: show each`);
  const until = element("span", "", " to ");
  until.append(time(last.timestamp, true));
  button.replaceChildren(`×${count.toLocaleString("en")}`, ...(open ? [] : [until]));
}

/** @param {HTMLElement} row */
function made(row) {
  const button = element("button", "tally", "");
  button.type = "button";
  button.dataset.do = "streak";
  button.tabIndex = row.contains(document.activeElement) ? 0 : -1; // as the other buttons of its row
  within(row, ".body", HTMLElement).prepend(button, " ");
  return button;
}
