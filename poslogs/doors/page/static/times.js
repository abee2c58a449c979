/** Times as they are written: a moment, how long ago, or a span. */

import { now } from "./clock.js";

/** @type {Record<string, number>} */
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The moment that a text means, in ms since 1970: ISO 8601, UTC where it names no zone, or how long ago, such as `10m`.
 * NaN where it is neither.
 * @param {string} text
 */
export function moment(text, at = now()) {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  if (ago) return at - Number(ago[1]) * UNITS[ago[2]];
  if (!/^\d{4}-\d\d/.test(text)) return NaN;
  return Date.parse(/T\d/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? `${text}Z` : text);
}

/** A moment as a link has it. @param {number} at */
export function written(at) {
  return new Date(at).toISOString();
}

/** The same to the minute, as short as `moment` takes it. @param {number} at */
export function shortly(at) {
  return `${written(at).slice(0, 16)}Z`;
}

/**
 * A span of time as people say it, such as `2 min 10 s`, of its two largest units.
 * @param {number} ms
 */
export function lasting(ms) {
  const seconds = Math.round(ms / 1000);
  const parts = [[Math.floor(seconds / 86_400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
  const first = parts.findIndex(([count]) => Number(count) > 0);
  const told = first < 0 ? [[0, "s"]] : parts.slice(first, first + 2).filter(([count]) => Number(count) > 0);
  return told.map((part) => part.join(" ")).join(" ");
}
