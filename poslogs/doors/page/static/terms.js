/** Terms: the parts of a query, as functions of an entry. The twin of poslogs/query/term.py and what it looks at. */
/** @import { Entry } from "../types.d.ts" */
import { composed, folded } from "./folding.js";

const MAX_BYTES = 256 * 1024; // of a text that an expression looks at

/** @typedef {(entry: Entry) => boolean} Term */
/** Literal parts, folded, with anything between two of them; or an expression. */
/** @typedef {{ parts: string[] } | { expression: RegExp }} Value */

/** The message, or a string, number or key in the data, contains a text. @param {string} text @returns {Term} */
export function containing(text) {
  const wanted = folded(text);
  return (entry) => texts(entry).some((each) => folded(each).includes(wanted));
}

/** An expression is found in one of them. @param {RegExp} expression @returns {Term} */
export function matching(expression) {
  return (entry) => texts(entry).some((each) => finds(expression, each));
}

/** The message contains one of the values. @param {Value[]} values @returns {Term} */
export function inMessage(values) {
  return ({ message }) => values.some((value) => isWithin(value, asText(message)));
}

/** One of the fields is one of the values. @param {("type" | "error_type" | "env")[]} names */
export function isOne(...names) {
  return (/** @type {Value[]} */ values) => (/** @type {Entry} */ entry) => {
    return names.some((name) => values.some((value) => isWhole(value, asText(entry[name]))));
  };
}

/** What the data has at a path, whose keys are folded, is one of the values. @param {string[]} path */
export function at(...path) {
  return (/** @type {Value[]} */ values) => (/** @type {Entry} */ entry) => {
    return reached(entry.data, path).some((found) => {
      const text = scalar(found);
      return values.some((value) => isAnything(value) || (text !== null && isWhole(value, text)));
    });
  };
}

/** @param {Value} value */
function isAnything(value) {
  return "parts" in value && value.parts.length > 1 && value.parts.every((part) => part === "");
}

/** @param {Value} value @param {string} text */
function isWithin(value, text) {
  return "parts" in value ? follow(value.parts, folded(text), 0) >= 0 : finds(value.expression, text);
}

/** @param {Value} value @param {string} text */
function isWhole(value, text) {
  if (!("parts" in value)) return finds(value.expression, text);
  const whole = folded(text);
  const [first, last] = [value.parts[0], value.parts[value.parts.length - 1]];
  if (value.parts.length === 1) return whole === first;
  if (whole.length < first.length + last.length || !whole.startsWith(first) || !whole.endsWith(last)) return false;
  const end = follow(value.parts.slice(1, -1), whole, first.length);
  return end >= 0 && end <= whole.length - last.length;
}

/**
 * Where the last of these parts ends in a text, each looked for after the one before; -1 if one is not there.
 * @param {string[]} parts @param {string} text @param {number} start
 */
function follow(parts, text, start) {
  for (const part of parts) {
    start = text.indexOf(part, start);
    if (start < 0) return -1;
    start += part.length;
  }
  return start;
}

/** @param {RegExp} expression @param {string} text */
function finds(expression, text) {
  const whole = composed(text);
  if (whole.length * 3 <= MAX_BYTES) return expression.test(whole);
  const bytes = new TextEncoder().encode(whole);
  if (bytes.length <= MAX_BYTES) return expression.test(whole);
  return expression.test(new TextDecoder().decode(bytes.subarray(0, MAX_BYTES), { stream: true }));
}

/** The message, and each string, number and key in the data. @param {Entry} entry */
function texts({ message, data }) {
  const found = [asText(message)];
  /** @type {unknown[]} */
  const waiting = [data];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === "string") found.push(value);
    else if (typeof value === "number") found.push(JSON.stringify(value));
    else if (Array.isArray(value)) for (const item of value) waiting.push(item);
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        found.push(key);
        waiting.push(inner);
      }
    }
  }
  return found;
}

/** @param {unknown} data @param {string[]} path */
function reached(data, path) {
  let values = [data];
  for (const key of path) values = values.flatMap((value) => inside(value, key));
  return values;
}

/** @param {unknown} value @param {string} key @returns {unknown[]} */
function inside(value, key) {
  if (Array.isArray(value)) return /^(0|[1-9]\d{0,15})$/.test(key) && Number(key) < value.length ? [value[Number(key)]] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => (folded(name) === key ? [inner] : []));
}

/** What a value is compared as; null for an object or a list. @param {unknown} value */
function scalar(value) {
  if (typeof value === "string") return value;
  return typeof value === "object" && value !== null ? null : JSON.stringify(value);
}

/** @param {unknown} value */
function asText(value) {
  return typeof value === "string" ? value : "";
}
