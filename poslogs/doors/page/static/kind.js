/** The kind of an entry: what it has in common with those that differ from it only in numbers, ids and quoted values. */
/** @import { Entry } from "../types.d.ts" */
import { fingerprint } from "./fingerprint.js";

const WORD = /^[A-Za-z]{1,50}(?= )/; // a fingerprint keeps it as it is, and it takes far less time

/** @type {WeakMap<Entry, string>} */
const kinds = new WeakMap(); // to find them out again and again would hold up a long log

/** The fingerprint of an entry's message. @param {Entry} entry */
export function kindOf(entry) {
  let kind = kinds.get(entry);
  if (kind === undefined) {
    kind = fingerprint(entry.message);
    kinds.set(entry, kind);
  }
  return kind;
}

/** Whether two entries may be alike, as far as is quick to tell. @param {Entry} a @param {Entry} b */
function mayBeAlike(a, b) {
  if (a.type !== b.type || a.error_type !== b.error_type || a.env !== b.env) return false;
  if (a.message === b.message) return true;
  const [one] = WORD.exec(a.message) ?? [];
  const [other] = WORD.exec(b.message) ?? [];
  return one === undefined || other === undefined || one === other;
}

/** Whether two entries are of one environment, type, error_type and kind. @param {Entry} a @param {Entry} b */
export function isAlike(a, b) {
  return mayBeAlike(a, b) && (a.message === b.message || kindOf(a) === kindOf(b));
}

/** The same as far as it is known; undefined where it would have to be found out. @param {Entry} a @param {Entry} b */
export function isKnownAlike(a, b) {
  if (!mayBeAlike(a, b)) return false;
  const [one, other] = [kinds.get(a), kinds.get(b)];
  if (a.message === b.message) return true;
  return one === undefined || other === undefined ? undefined : one === other;
}
