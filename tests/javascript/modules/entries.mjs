/** Entries for these tests. */
/** @import { Entry } from "../../../poslogs/doors/page/types.d.ts" */

export const TIME = "2024-01-01T12:00:00.000Z";

/** An entry as the server gives it. @param {Partial<Entry>} [parts] @returns {Entry} */
export function entry(parts = {}) {
  const { type = "info", error_type = type } = parts;
  return { id: "1", timestamp: TIME, type, error_type, message: "m", data: {}, env: "staging", ...parts };
}

/** Entries of these ids. @param {number[]} numbers */
export function entries(...numbers) {
  return numbers.map((id) => entry({ id: String(id) }));
}

/** The ids of some, in order. @param {Iterable<Entry>} some */
export function ids(some) {
  return [...some].map(({ id }) => id).join(" ");
}
