/** Escapes and sets of characters in a regular expression, as far as RE2 and JavaScript agree. */

/** An expression is not read; the message ends a sentence that begins with "the regular expression". */
export class Misread extends Error {}

/** @type {Record<string, string>} */
const CONTROLS = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };
const PUNCTUATION = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const SYNTAX = "^$\\.*+?()[]{}|/"; // what needs its backslash in JavaScript
const BLANKS = "\\t\\n\\f\\r ";
const NO_BLANKS = "\\0-\\x08\\x0b\\x0e-\\x1f!-\\u{10ffff}";
/** @type {Record<string, string>} */
const REFUSED = {
  p: "`\\p`; write the characters out, as in `[a-zäöü]`",
  P: "`\\P`; write the characters out, as in `[^a-zäöü]`",
  Q: "`\\Q`; write a backslash before each sign that is meant literally",
  E: "`\\E`; write a backslash before each sign that is meant literally",
  A: "`\\A`; write `^`",
  z: "`\\z`; write `$`",
  Z: "`\\Z`; write `$`",
  u: "`\\u`; write the character itself",
  x: "`\\x` without two hexadecimal digits; write the character itself",
  k: "a backreference, `\\k`; write what it stands for",
  0: "an octal number, `\\0`; write `\\x00`",
};

/** A part of an expression: where it ends, what it is for JavaScript, and its code point unless it is a class. */
/** @typedef {{ end: number, made: string, code: number | null }} Part */

/**
 * The escape whose backslash stands at `at`. Throws Misread.
 * @param {string} source @param {number} at @param {boolean} inside of brackets
 * @returns {Part}
 */
export function escaped(source, at, inside) {
  const sign = signAt(source, at + 1);
  const hex = /^x([0-9A-Fa-f]{2})/.exec(source.slice(at + 1, at + 4));
  if (hex) return { end: at + 4, made: `\\${hex[0]}`, code: Number.parseInt(hex[1], 16) };
  const end = at + 1 + sign.length;
  if (sign === "") throw new Misread("ends in a backslash; write `\\\\` for one.");
  if (sign === "s") return { end, made: inside ? BLANKS : `[${BLANKS}]`, code: null };
  if (sign === "S") return { end, made: inside ? NO_BLANKS : `[^${BLANKS}]`, code: null };
  if ("dDwW".includes(sign)) return { end, made: `\\${sign}`, code: null };
  if (Object.hasOwn(CONTROLS, sign)) return { end, made: `\\${sign}`, code: CONTROLS[sign].charCodeAt(0) };
  if (PUNCTUATION.includes(sign)) {
    const keeps = SYNTAX.includes(sign) || (inside && sign === "-");
    return { end, made: keeps ? `\\${sign}` : sign, code: sign.charCodeAt(0) };
  }
  if (Object.hasOwn(REFUSED, sign)) throw new Misread(`has ${REFUSED[sign]}.`);
  if (sign >= "1" && sign <= "9") throw new Misread(`has a backreference, \`\\${sign}\`; write what it stands for.`);
  throw new Misread(`has \`\\${sign}\`, which means nothing here; leave the backslash out.`);
}

/**
 * The set whose `[` stands at `at`. Throws Misread.
 * @param {string} source @param {number} at
 */
export function set(source, at) {
  const begin = at + (source[at + 1] === "^" ? 2 : 1);
  let made = source.slice(at, begin);
  /** @type {{ part: Part, text: string } | null} */
  let low = null; // the character before, with which a range may begin
  at = begin;
  while (source[at] !== "]") {
    if (at >= source.length) throw new Misread("lacks a `]`; write `\\[` for the sign.");
    if (source.startsWith("[:", at)) {
      throw new Misread("has a class such as `[:alpha:]`; write its characters out, as in `[a-z]`.");
    }
    const isRange = source[at] === "-" && at > begin && !["]", undefined].includes(source[at + 1]);
    const part = character(source, isRange ? at + 1 : at);
    if (isRange) checkRange(low, part, source.slice(at + 1, part.end));
    made += isRange ? `-${part.made}` : part.made;
    low = isRange || part.code === null ? null : { part, text: source.slice(at, part.end) };
    at = part.end;
  }
  if (at === begin) throw new Misread("has a `]` right after a `[`; write `\\]` for the sign.");
  return { end: at + 1, made: `${made}]` };
}

/** @param {{ part: Part, text: string } | null} low @param {Part} high @param {string} text */
function checkRange(low, high, text) {
  if (low === null || low.part.code === null || high.code === null) {
    throw new Misread("has a `-` in brackets that makes no range; write `\\-` for the sign.");
  }
  if (low.part.code > high.code) {
    throw new Misread(`has the range \`${low.text}-${text}\`, which ends before it begins.`);
  }
}

/** @param {string} source @param {number} at @returns {Part} */
function character(source, at) {
  if (source[at] === "\\") return escaped(source, at, true);
  const sign = signAt(source, at);
  return { end: at + sign.length, made: sign === "-" ? "\\-" : sign, code: sign.codePointAt(0) ?? 0 };
}

/** The character that begins at `at`, as a whole; "" at the end. @param {string} text @param {number} at */
export function signAt(text, at) {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}
