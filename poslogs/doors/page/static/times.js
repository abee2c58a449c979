/** Times as they are written: a moment, or how long ago. */

/** @type {Record<string, number>} */
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The moment that a text means, in ms since 1970: ISO 8601, UTC where it names no zone, or how long ago, such as `10m`.
 * NaN where it is neither.
 * @param {string} text
 */
export function moment(text, now = Date.now()) {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  if (ago) return now - Number(ago[1]) * UNITS[ago[2]];
  if (!/^\d{4}-\d\d/.test(text)) return NaN;
  return Date.parse(/T\d/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? `${text}Z` : text);
}

/** A moment as a link has it. @param {number} at */
export function written(at) {
  return new Date(at).toISOString();
}
