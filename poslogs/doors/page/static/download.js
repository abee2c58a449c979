/** The download: entries as a file. */
/** @import { Entry } from "../types.d.ts" */
import { now } from "./clock.js";
import { bodyOf, placeOf, stackOf, told } from "./diagnosis.js";
import { EVERY } from "./environments.js";
import { visible } from "./text.js";

const COLUMNS = /** @type {const} */ (["id", "timestamp", "type", "error_type", "message", "data", "env"]);
const NAME_CHARS = 100; // at most, of the environments in the file's name
const KEPT_MS = 60_000; // for which the browser may still be reading the file

/** Each entry as it came, one a line; parts for a Blob, as below. @param {Entry[]} entries */
export function ndjson(entries) {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`);
}

/**
 * For people: a line an entry, with its place and message; more lines of the message, the rest of a stack and a page that
 * is not the place follow, indented. Nothing is in it that a terminal would obey. Entries of other environments than
 * `here` name theirs.
 * @param {Entry[]} entries @param {string} here
 */
export function text(entries, here) {
  return entries.map((entry) => {
    const { timestamp, type, error_type, env } = entry;
    const where = env === here ? "" : ` [${oneLine(env)}]`;
    const kind = ["", type].includes(error_type.toLowerCase()) ? "" : ` ${oneLine(error_type)}`;
    const place = placeOf(entry);
    const from = place.path === "" ? "" : ` ${oneLine(told(place))}:`;
    const { page } = entry.data ?? {};
    const more = typeof page === "string" && ![place.path, ""].includes(page) ? `\n  on page ${oneLine(page)}` : "";
    const message = entry.message.replaceAll("\r\n", "\n").trimEnd();
    const lines = stackOf(entry).length > 0 ? bodyOf({ ...entry, message }) : visible(message);
    return `${timestamp}${where} ${type.toUpperCase()}${kind}${from} ${lines.replaceAll("\n", "\n  ")}${more}\n`;
  });
}

/**
 * For spreadsheets (RFC 4180), with `data` as JSON. No cell can be taken for a formula, with any separator.
 * @param {Entry[]} entries
 */
export function csv(entries) {
  const line = (/** @type {readonly string[]} */ cells) => `${cells.map(cell).join(",")}\r\n`;
  const cells = (/** @type {Entry} */ entry) => {
    return COLUMNS.map((name) => (name === "data" ? JSON.stringify(entry.data) : entry[name]));
  };
  return [line(COLUMNS), ...entries.map((entry) => line(cells(entry)))];
}

// Excel takes a CSV file without a byte order mark for one in the system's old encoding.
/** @type {Record<string, { parts: (entries: Entry[], here: string) => string[], ending: string, type: string }>} */
const FORMATS = {
  NDJSON: { parts: ndjson, ending: "ndjson", type: "application/x-ndjson" },
  Text: { parts: text, ending: "log", type: "text/plain" },
  CSV: { parts: (entries) => ["\ufeff", ...csv(entries)], ending: "csv", type: "text/csv" },
};

/**
 * Have the browser save entries as NDJSON, Text or CSV, under a name with the environments and the time (UTC).
 * @param {Entry[]} entries @param {string} format @param {string} env
 */
export function save(entries, format, env) {
  const { parts, ending, type } = FORMATS[format];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts(entries, env), { type: `${type};charset=utf-8` }));
  const moment = new Date(now()).toISOString().replace(/\.\d+|[-:]/g, "");
  const name = env === EVERY ? "all" : env.replace(/[^\w.-]/g, "_").slice(0, NAME_CHARS);
  link.download = `poslogs-${name}-${moment}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** @param {string} words */
function oneLine(words) {
  return visible(words.replace(/\s+/g, " "));
}

// What spreadsheets take for the start of a formula, even after blanks and in full width, or a tab or CR alone.
const FORMULA = /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/;
const SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20";
// What some reader splits at, in place of a comma: it does not see our quotes then, for they begin within its cell.
const SEPARATOR = /[;|\t\r\n]/;
// All that may stand before a formula, taken at once, so that no text takes long.
const RUN = /[;|\s\0"]+[=+\-@\uff1d\uff0b\uff0d\uff20]?/g;

/** @param {string} value */
function cell(value) {
  const parts = SEPARATOR.test(value) ? value.replace(RUN, marked) : value;
  const safe = FORMULA.test(parts) ? `'${parts}` : parts;
  return safe !== value || /[",;|\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {string} run */
function marked(run) {
  const formula = SIGNS.includes(run.slice(-1)) && SEPARATOR.test(run);
  return formula ? `${run.slice(0, -1)}'${run.slice(-1)}` : run;
}
