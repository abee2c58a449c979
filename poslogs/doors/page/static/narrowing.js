/** The narrowing of a view, as it stands in a link and back. */
/** @import { Narrowing } from "../types.d.ts" @import { Parts } from "./link.js" */
import { moment, written } from "./times.js";

/** What a link's parts narrow a view to; times that are not understood are left out. @param {Parts} parts @returns {Narrowing} */
export function fromLink({ type, path, group, since = "", until = "" }) {
  const from = moment(since);
  const to = moment(until) + 1; // `until` is in, `to` is not
  /** @type {Narrowing} */
  const found = {};
  if (type) found.type = type;
  if (path) found.path = path;
  if (group) found.group = group;
  if (!Number.isNaN(from) || !Number.isNaN(to)) {
    found.time = { from: Number.isNaN(from) ? 0 : from, ...(Number.isNaN(to) ? {} : { to }) };
  }
  return found;
}

/** The same as parts of a link. @param {Narrowing} narrowing @returns {Parts} */
export function toLink({ type, path, group, time }) {
  const since = time === undefined || time.from === 0 ? "" : written(time.from);
  return { type, path, group, since, until: time?.to === undefined ? "" : written(time.to - 1) };
}

/** Whether two narrow to the same. @param {Narrowing} one @param {Narrowing} other */
export function isSame(one, other) {
  return JSON.stringify(toLink(one)) === JSON.stringify(toLink(other));
}

/** Whether it is to a time that ends, after which nothing comes any more. @param {Narrowing} narrowing */
export function ends({ time }) {
  return time?.to !== undefined;
}
