/**
 * The query language: a line of text that says which entries one wants. The twin of poslogs/query, held to the same
 * table of cases; docs/reference.md describes it.
 */
/** @import { Entry } from "../types.d.ts" */
/** @import { Term, Value } from "./terms.js" */
import { folded } from "./folding.js";
import { BLANKS, NotUnderstood, Scanner, VALUE_ENDS, shown } from "./scanner.js";
import { at, containing, inMessage, isOne, matching } from "./terms.js";

const MAX_CHARS = 500; // in code points
const MAX_TERMS = 20;
/** @type {Record<string, (values: Value[]) => Term>} */
const FIELDS = {
  type: isOne("type", "error_type"),
  env: isOne("env"),
  message: inMessage,
  page: at("page"),
  url: at("url"),
  partial: at("partial"),
  user: at("user", "email"),
};
const LITERAL = ["type", "env"]; // fields in whose values `*` is a star
// Words of their own, though one letter makes a field of most of them.
const WORDS = ["time", "uri", "end", "age", "use", "part", "urn", "en", "used", "uses", "date"];

/** A query: `holds(entry)`; `slow` where it has regular expressions, which here may take any time. */
/** @typedef {{ holds: (entry: Entry) => boolean, slow: boolean }} Query */

/** The query that a text is; null for a blank one. Throws NotUnderstood. @param {string} text @returns {Query | null} */
export function parse(text) {
  const signs = [...text];
  if (signs.length > MAX_CHARS) {
    const column = Math.max(...[...BLANKS].map((blank) => signs.lastIndexOf(blank, MAX_CHARS - 1))) + 2;
    throw new NotUnderstood(column, `a query has ${MAX_CHARS} characters at most, not ${signs.length}; leave some out.`);
  }
  const scanner = new Scanner(signs);
  const reader = { scanner, slow: false };
  /** @type {Term[]} */
  const terms = [];
  while (scanner.nextTerm()) {
    if (terms.length === MAX_TERMS) throw scanner.refused(`a query has ${MAX_TERMS} terms at most; leave some out.`);
    terms.push(term(reader));
  }
  if (terms.length === 0) return null;
  return { holds: (entry) => terms.every((holds) => holds(entry)), slow: reader.slow };
}

/** @typedef {{ scanner: Scanner, slow: boolean }} Reader */

/** @param {Reader} reader @returns {Term} */
function term(reader) {
  const { scanner } = reader;
  if (scanner.sign !== "-") return plainTerm(reader);
  scanner.at += 1;
  if (scanner.ends) {
    throw scanner.refused('a `-` stands alone; write it right before what must not be there, or `"-"` for the sign.');
  }
  if (scanner.sign === "-") {
    const word = shown(scanner.word().replace(/^-+/, ""));
    throw scanner.refused(`two \`-\` stand together; write \`-${word}\`, or \`"--${word}"\` for the text.`);
  }
  const holds = plainTerm(reader);
  return (entry) => !holds(entry);
}

/** @param {Reader} reader @returns {Term} */
function plainTerm(reader) {
  const { scanner } = reader;
  if (scanner.sign === '"') {
    const text = parts(scanner.quoted(), { quoted: true, stars: false }).join("");
    if (text === "") throw scanner.refused('`""` is found everywhere; leave it out, or write what is to be found.');
    return containing(text);
  }
  if (scanner.sign === "/") {
    reader.slow = true;
    return matching(scanner.expression());
  }
  const begin = scanner.at;
  const word = scanner.word();
  const colon = word.indexOf(":");
  const name = word.slice(0, Math.max(colon, 0));
  const made = colon < 0 ? null : field(scanner, name);
  if (made) {
    scanner.at = begin + [...name].length + 1;
    return made(values(reader, folded(name)));
  }
  seeNoQuote(scanner, word);
  return containing(word);
}

/** What makes a term of the values of a field; null where there is none. @param {Scanner} scanner @param {string} name */
function field(scanner, name) {
  const lower = folded(name);
  if (Object.hasOwn(FIELDS, lower)) return FIELDS[lower];
  if (lower.startsWith("data.")) {
    const path = lower.split(".").slice(1);
    if (path.every((key) => key !== "")) return at(...path);
    throw scanner.refused(`the path \`${shown(name)}\` has an empty key; write one after each dot.`);
  }
  const meant = nearly(name);
  if (meant === "") return null;
  const how = `write \`${shown(meant)}:\`, or quotes around the whole for the text.`;
  throw scanner.refused(`there is no field \`${shown(name)}\`; ${how}`);
}

/** The field that is meant, where one letter of its name is wrong, missing, doubled or swapped. @param {string} name */
function nearly(name) {
  const dot = name.indexOf(".");
  const lower = folded(dot < 0 ? name : name.slice(0, dot));
  if (WORDS.includes(lower)) return "";
  if (dot >= 0) return isNear(lower, "data") ? `data.${name.slice(dot + 1)}` : "";
  return Object.keys(FIELDS).find((known) => isNear(lower, known)) ?? "";
}

/** @param {string} given @param {string} meant */
function isNear(given, meant) {
  const places = [...meant].map((_, n) => n);
  if (given.length === meant.length) {
    const [first, second, ...more] = places.filter((n) => given[n] !== meant[n]);
    if (first === undefined || more.length > 0) return false;
    if (second === undefined) return /^\p{L}+$/u.test(given);
    return second === first + 1 && given[first] === meant[second] && given[second] === meant[first];
  }
  const shorter = places.map((n) => meant.slice(0, n) + meant.slice(n + 1));
  const longer = places.map((n) => meant.slice(0, n + 1) + meant.slice(n));
  return shorter.includes(given) || longer.includes(given);
}

/** @param {Reader} reader @param {string} name @returns {Value[]} */
function values(reader, name) {
  const { scanner } = reader;
  const found = [];
  for (;;) {
    if (scanner.ends || scanner.sign === ",") {
      const where = found.length > 0 ? "a comma" : `\`${shown(name)}:\``;
      throw scanner.refused(`after ${where} a value is missing; write one there, without a blank between.`);
    }
    found.push(value(reader, name));
    if (scanner.sign !== ",") return found;
    scanner.at += 1;
  }
}

/** @param {Reader} reader @param {string} name @returns {Value} */
function value(reader, name) {
  const { scanner } = reader;
  const stars = !LITERAL.includes(name);
  if (scanner.sign === "/") {
    reader.slow = true;
    return { expression: scanner.expression(VALUE_ENDS) };
  }
  if (scanner.sign === '"') {
    const quoted = parts(scanner.quoted(VALUE_ENDS), { quoted: true, stars });
    if (name === "message" && quoted.length === 1 && quoted[0] === "") {
      throw scanner.refused('`""` is found in every message; leave it out, or write what is to be found.');
    }
    return { parts: quoted.map(folded) };
  }
  const word = scanner.word(VALUE_ENDS);
  seeNoQuote(scanner, word);
  return { parts: parts(word, { quoted: false, stars }).map(folded) };
}

/**
 * The literal parts of a value between its wildcards; `\*` is a star, and in quotes `\"` and `\\` are escapes.
 * @param {string} written @param {{ quoted: boolean, stars: boolean }} how
 */
function parts(written, { quoted, stars }) {
  const escapes = (quoted ? '"\\' : "") + (stars ? "*" : "");
  const found = [""];
  for (let n = 0; n < written.length; n += 1) {
    const next = written[n + 1];
    if (written[n] === "\\" && next !== undefined && escapes.includes(next)) {
      n += 1;
      found[found.length - 1] += next;
    } else if (written[n] === "*" && stars) found.push("");
    else found[found.length - 1] += written[n];
  }
  return found;
}

/** @param {Scanner} scanner @param {string} word */
function seeNoQuote(scanner, word) {
  if (!word.includes('"')) return;
  const how = 'put quotes around the whole, and write `\\"` for this one.';
  throw scanner.refused(`a \`"\` stands inside of \`${shown(word)}\`; ${how}`);
}
