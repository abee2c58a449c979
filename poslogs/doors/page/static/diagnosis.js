/** Diagnosis: what an entry says of the place where something happened. */
/** @import { Entry, Place } from "../types.d.ts" */
import { visible } from "./text.js";
import { isEmpty } from "./store.js";

/**
 * The place of an entry: of a structured Liquid diagnostic the innermost of its stack, else the partial or page that its
 * data names. `path` is "" where there is none, `line` undefined where it is not known.
 * @param {Entry} entry @returns {Place}
 */
export function placeOf(entry) {
  const [inmost] = stackOf(entry);
  if (inmost !== undefined) return inmost;
  const { partial, page } = entry.data ?? {};
  const paths = [partial, page].filter((path) => typeof path === "string");
  return { path: paths.find((path) => path !== "") ?? "", line: undefined };
}

/**
 * The stack of a structured Liquid diagnostic, innermost first; empty for any other entry.
 * @param {Entry} entry @returns {Place[]}
 */
export function stackOf(entry) {
  const stack = entry.data?.schema_version === 1 && Array.isArray(entry.data.stack) ? entry.data.stack : [];
  return stack
    .filter((frame) => typeof frame?.path === "string")
    .map(({ path, line }) => ({ path, line: Number.isInteger(line) ? line : undefined }));
}

/** A place as compilers write it: `path:line`. @param {Place} place */
export function told({ path, line }) {
  return line === undefined ? visible(path) : `${visible(path)}:${line}`;
}

/**
 * What is drawn of an entry besides its place: its message; of a diagnostic the message and the rest of the stack. Of a
 * message of more than `most` characters is cut there.
 * @param {Entry} entry
 */
export function bodyOf(entry, most = Infinity) {
  const stack = stackOf(entry);
  if (entry.message.length > most) return visible(entry.message.slice(0, most));
  if (stack.length === 0) return visible(entry.message);
  const { message } = entry.data;
  const said = typeof message === "string" && !entry.message.includes(message) ? `\n${message}` : "";
  const rest = stack.slice(1).map((place) => `\n  from ${told(place)}`);
  return visible(`${entry.message}${said}`) + rest.join("");
}

const MOST_CHARS = 50_000; // of a message, and of data, that a search looks in

/** What a search looks in of an entry; it begins with its body. @param {Entry} entry */
export function textOf(entry) {
  const data = isEmpty(entry.data) ? "" : JSON.stringify(entry.data).slice(0, MOST_CHARS);
  return [bodyOf(entry, MOST_CHARS), visible(String(entry.error_type)), told(placeOf(entry)), visible(data)].join("\n");
}
