/** The fingerprint of a message, by which errors of one kind are known: as poslogs/streaming/report.py has it. */

const READ = /^[^]{0,500}/u;
const TOLD = /^[^]{0,200}/u;

// What Python takes for the signs of words, for digits and for space; JavaScript knows fewer, or others.
const SIGNS = "\\p{L}\\p{N}_";
const SIGN = `[${SIGNS}]`;
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const DIGIT = /[\p{Nd}²³¹፩-፱᧚⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒𐩀-𐩃𐹠-𐹨𑁒-𑁚🄀-🄊]/u;

// A quote may have others in it: escaped ones, and between letters apostrophes. Ruby quotes `so'.
const QUOTED = expression(
  "\\\\[^\\n]",
  '"(?:[^"\\\\\\n]|\\\\[^\\n])*"',
  "“[^“”\\n]*”",
  `\`[^\`\\n]*?(?:\`|'(?!${SIGN}))`,
  `(?<!${SIGN})'(?:[^'\\n]|(?<=${SIGN})'(?=${SIGN}))*'(?!${SIGN})`,
);
const EMAIL = expression(`(?<![${SIGNS}.+'\\-])[${SIGNS}.+'\\-]+@[${SIGNS}\\-]+(?:\\.[${SIGNS}\\-]+)*`);
const ASKED = expression(`\\?[^${SPACE}?="'<>()]+=[^${SPACE}"'<>()]*`); // a URL's query
const WORD = expression(`#?[${SIGNS}\\-]+`);
const RUN = expression("#(?:(?:[.:\\/+]|, ?)#)+"); // times, decimals, versions, lists
const SPACES = expression(`[${SPACE}]+`);

/**
 * The message without what differs each time: quoted values are `"…"`; numbers, ids, addresses and the like `#`.
 * @param {string} message
 */
export function fingerprint(message) {
  const text = (READ.exec(message)?.[0] ?? "")
    .replace(QUOTED, (found) => (found.startsWith("\\") ? found : '"…"'))
    .replace(EMAIL, "#")
    .replace(ASKED, "?#")
    .replace(WORD, (word) => (DIGIT.test(word) ? "#" : word))
    .replace(RUN, "#")
    .replace(SPACES, " ")
    .replace(/^ | $/g, "");
  return TOLD.exec(text)?.[0] ?? "";
}

/** @param {string[]} alternatives */
function expression(...alternatives) {
  return new RegExp(alternatives.join("|"), "gu");
}
