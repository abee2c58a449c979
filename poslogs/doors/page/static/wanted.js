/** What is wanted: the text of the Filter field, as the server is asked for it and as the page looks at entries. */
/** @import { Entry } from "../types.d.ts" */
import { parse } from "./query.js";
import { NotUnderstood } from "./scanner.js";

const BARE = /^(?![-/])[^\s":,]+$/; // one word: a whole type or error_type
const KEPT = 20; // texts that are known again

/**
 * `holds(entry)`; `slow` where only the server, or a worker, is to look; `refusal` is "", or says what is wrong.
 * @typedef {{ holds: (entry: Entry) => boolean, slow: boolean, refusal: string }} Wanted
 */

/** @type {Map<string, Wanted>} */
const known = new Map();

/** The inputs by which the server is asked: a bare type as its `filter`, more than that as its `query`. @param {string} text */
export function inputs(text) {
  if (text === "") return {};
  return BARE.test(text) ? { filter: text } : { query: text };
}

/** The text by which two that want the same are known. @param {string} text */
export function normal(text) {
  return BARE.test(text) ? text.toLowerCase() : text;
}

/**
 * Whether the server would send an entry: its whole type or error_type is the text, ignoring case, or the query holds.
 * Of expressions the server alone knows: what it sends is wanted.
 * @param {string} text @param {Entry} entry
 */
export function wants(text, entry) {
  const { slow, holds } = wanted(text);
  return slow || holds(entry);
}

/** Whether it has regular expressions, which in a browser may take any time. @param {string} text */
export function isSlow(text) {
  return wanted(text).slow;
}

/** What sets tabs apart that cannot share a stream: each of them lets the server look. @param {string} text */
export function group(text) {
  return isSlow(text) ? [text] : [];
}

/** Why it is not understood; "" where it is. @param {string} text */
export function refusal(text) {
  return wanted(text).refusal;
}

/** @param {string} text */
function wanted(text) {
  let found = known.get(text);
  if (found === undefined) {
    found = understood(text);
    if (known.size === KEPT) known.clear();
    known.set(text, found);
  }
  return found;
}

/** @param {string} text @returns {Wanted} */
function understood(text) {
  if (BARE.test(text)) {
    const bare = text.toLowerCase();
    const holds = (/** @type {Entry} */ { type, error_type }) => {
      return type.toLowerCase() === bare || String(error_type).toLowerCase() === bare;
    };
    return { holds, slow: false, refusal: "" };
  }
  try {
    return { holds: () => true, slow: false, ...parse(text), refusal: "" };
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    return { holds: () => false, slow: false, refusal: error.message };
  }
}
