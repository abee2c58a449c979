/** The unfolded: an entry's data below it, with what a search has found there. */
/** @import { Entry, Ranges } from "../types.d.ts" */
import { bodyOf, textOf } from "./diagnosis.js";
import { element, tree } from "./tree.js";

const MOST_CHARS = 50_000; // of a message that a search looks in

/** Unfold an entry's data, or fold it again. Returns whether it is open now. @param {HTMLElement} row @param {Entry} entry @param {Ranges | null} ranges */
export function unfold(row, entry, ranges) {
  const toggle = row.querySelector("[data-do=unfold]");
  const open = row.querySelector(".data");
  if (toggle === null) return false;
  toggle.setAttribute("aria-expanded", String(open === null));
  row.classList.toggle("unfolded", open === null);
  if (open !== null) {
    open.remove();
    return false;
  }
  const data = element("div", "data", "");
  data.append(tree(entry.data, needles(entry, ranges)));
  row.append(data);
  return true;
}

/** Mark what a search has found in data that is unfolded. @param {HTMLElement} row @param {Entry} entry @param {Ranges | null} ranges */
export function remark(row, entry, ranges) {
  const data = row.querySelector(".data");
  if (data === null) return;
  const found = needles(entry, ranges);
  if (found.length > 0 || data.querySelector("mark") !== null) data.replaceChildren(tree(entry.data, found));
}

/** Whether all that a search has found of an entry is beyond what its row shows. @param {Entry} entry @param {Ranges | null} ranges */
export function isInside(entry, ranges) {
  return ranges !== null && ranges.every(([from]) => from >= bodyOf(entry, MOST_CHARS).length);
}

/** The texts that a search has found beyond the message, each once. @param {Entry} entry @param {Ranges | null} ranges */
function needles(entry, ranges) {
  const begin = bodyOf(entry, MOST_CHARS).length;
  const inside = (ranges ?? []).filter(([from]) => from >= begin);
  if (inside.length === 0) return [];
  const text = textOf(entry);
  return [...new Set(inside.map(([from, to]) => text.slice(from, to)))];
}
