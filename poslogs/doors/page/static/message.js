/** The message of an entry: folded where it is long, and marked where a search has found something. */
/** @import { Entry, Ranges } from "../types.d.ts" */
import { bodyOf } from "./diagnosis.js";
import { indented } from "./indented.js";
import { within } from "./places.js";
import { counted } from "./text.js";
import { element } from "./tree.js";

const MOST_LINES = 6; // of a folded message
const MOST_CHARS = 600; // the same
const SPARED = 1.2; // a message that is not much longer is not folded
const UNBROKEN = /^\S{80}/; // it begins with no word, but with JSON without blanks, or a token
const READ_CHARS = 5_000; // of a message, to know whether it is long

/**
 * Draw the message of an entry into its element, with marks where a search has found something; null for no search.
 * @param {HTMLElement} row @param {Entry} entry @param {Ranges | null} ranges
 */
export function mark(row, entry, ranges) {
  const isWhole = row.classList.contains("whole");
  const body = bodyOf(entry, isWhole ? Infinity : READ_CHARS);
  const end = isWhole ? body.length : folded(body);
  const isLong = !isWhole && (end < body.length || entry.message.length > READ_CHARS);
  const json = isWhole ? indented(body) : null;
  const shown = json === null ? body.slice(0, end) : json.text;
  const moved = json === null ? (/** @type {number} */ at) => at : json.moved;
  const parts = [];
  let at = 0;
  for (const [from, to] of ranges ?? []) {
    if (from >= end) break;
    const [begin, over] = [moved(from), moved(Math.min(to, end))];
    parts.push(shown.slice(at, begin), element("mark", "", shown.slice(begin, over)));
    at = over;
  }
  within(row, ".message", HTMLElement).replaceChildren(...parts, shown.slice(at));
  row.classList.toggle("long", isLong);
  row.classList.toggle("unbroken", UNBROKEN.test(shown));
  row.classList.toggle("found", ranges !== null && ranges.length > 0);
  row.classList.toggle("found-inside", Boolean(ranges?.some(([, to]) => to > end)));
  drawFold(row, isLong ? `all ${size(entry, body)}` : isWhole ? "less" : "");
}

/** Show all of a message that is folded, or fold it again. @param {HTMLElement} row @param {Entry} entry @param {Ranges | null} ranges */
export function showWhole(row, entry, ranges) {
  row.classList.toggle("whole");
  mark(row, entry, ranges);
}

/** Where a text is folded: its length where it is short. @param {string} text */
function folded(text) {
  let at = -1;
  let lines = 0;
  for (; lines < MOST_LINES; lines += 1) {
    const next = text.indexOf("\n", at + 1);
    if (next < 0) break;
    at = next;
  }
  const isTall = lines === MOST_LINES && text.indexOf("\n", at + 1) >= 0;
  if (!isTall && text.length <= MOST_CHARS * SPARED) return text.length;
  const end = Math.min(isTall ? at : Infinity, MOST_CHARS);
  return /[\ud800-\udbff]/.test(text.charAt(end - 1)) ? end - 1 : end; // no sign is cut in two
}

/** How much there is of a message, in words. @param {Entry} entry @param {string} body */
function size(entry, body) {
  const text = entry.message.length > READ_CHARS ? entry.message : body;
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines > MOST_LINES ? counted(lines, "line") : counted(text.length, "character");
}

/** The button that unfolds a message, or folds it; none for "". @param {HTMLElement} row @param {string} text */
function drawFold(row, text) {
  const before = row.querySelector(".fold");
  if (text === "") {
    before?.remove();
    return;
  }
  if (before?.textContent === text) return;
  const button = before instanceof HTMLButtonElement ? before : element("button", "fold", "");
  button.type = "button";
  button.dataset.do = "whole";
  button.tabIndex = row.contains(document.activeElement) ? 0 : -1;
  button.textContent = text;
  if (before === null) within(row, ".lead", HTMLElement).after(button);
}
