/** JSON on many lines, as people write it, without a sign of it changed. Imports nothing. */

const MOST_CHARS = 200_000; // of a text that is looked at
const MOST_DEPTH = 40; // lines that lie deeper begin where these do
const PARTS = /"(?:[^"\\]|\\.)*"|\s+|[{[]\s*[}\]]|[{}[\],:]|[^\s"{}[\],:]+/gsu; // strings, blanks, empty pairs, signs, the rest

/**
 * The text of a JSON object or list with a line for each member, and `moved(at)`: where in it the sign is that was at `at`.
 * null where the text is something else, or too long.
 * @param {string} text
 */
export function indented(text) {
  if (text.length > MOST_CHARS || !isJson(text)) return null;
  const places = new Uint32Array(text.length + 1); // in what is made, of each sign of the text
  let made = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.min(depth, MOST_DEPTH))}`;
  for (const { 0: part, index } of text.matchAll(PARTS)) {
    if (part === "}" || part === "]") {
      depth -= 1;
      made += line();
    }
    for (let n = 0; n < part.length; n += 1) places[index + n] = made.length + n;
    if (/^\s/.test(part)) continue;
    made += part;
    if (part === "{" || part === "[") depth += 1;
    if (part === "{" || part === "[" || part === ",") made += line();
    if (part === ":") made += " ";
  }
  places[text.length] = made.length;
  return { text: made, moved: (/** @type {number} */ at) => Math.min(places[at], made.length) };
}

/** @param {string} text */
function isJson(text) {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // or nested more deeply than the engine goes
  }
}
