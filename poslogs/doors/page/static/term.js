/** The term: how the query language names a value in an entry's data. The other way round from terms.js. */

const MOST_CHARS = 200; // of a value; a query has 500

/** @type {Record<string, string>} */
const FIELDS = { page: "page", url: "url", partial: "partial", "user.email": "user" };

/**
 * The term that holds for entries with this value at this path into their data; "" where no query can name it: a key has
 * a sign that ends a field's name, or the value is too long, or is no single value.
 * @param {string[]} path @param {unknown} value
 */
export function termOf(path, value) {
  if (path.some((key) => !/^[^\s".:,/]+$/.test(key))) return "";
  const text = typeof value === "string" ? quoted(value) : JSON.stringify(value);
  if (typeof value === "object" && value !== null) return "";
  if (text === undefined || text.length > MOST_CHARS) return "";
  const name = path.join(".");
  return `${Object.hasOwn(FIELDS, name) ? FIELDS[name] : `data.${name}`}:${text}`;
}

/** A query with one term more, unless it has that already. @param {string} query @param {string} term */
export function withTerm(query, term) {
  return ` ${query} `.includes(` ${term} `) ? query : `${query} ${term}`.trim();
}

/** @param {string} text */
function quoted(text) {
  if (/^[\p{L}\p{N}_@.+-]+$/u.test(text)) return text;
  return `"${text.replaceAll(/["\\*]/g, "\\$&")}"`;
}
