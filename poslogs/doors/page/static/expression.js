/** The expression that a search looks for. Both kinds ignore case, as a query does; `(?-i)` first heeds it. */
import { composed, folded } from "./folding.js";
import { visible } from "./text.js";

const CASE = /^\(\?(-?)i\)/;
const FOLDED = [[0xdf, 0x587], [0x1e96, 0x1fff], [0xfb00, 0xfb17]]; // where signs are that fold to several

/** @type {[string, string[]][] | undefined} */
let several; // what signs fold to, with these signs; the longest first

/** Plain text: its signs mean themselves, its case does not matter, and `ss` is `ß`. @param {string} query */
export function plain(query) {
  const wanted = folded(visible(query));
  several ??= expansions();
  let source = "";
  for (let at = 0; at < wanted.length; ) {
    const [text, signs] = several.find(([each]) => wanted.startsWith(each, at)) ?? [wanted[at], []];
    source += signs.length === 0 ? escaped(text) : `(?:${[escaped(text), ...signs].join("|")})`;
    at += text.length;
  }
  return { source, flags: "giu" };
}

/** A regular expression; its `^` is at each line. Throws a SyntaxError for what is none. @param {string} text */
export function regular(text) {
  const [begin, heeds] = CASE.exec(text) ?? ["", ""];
  const source = composed(text.slice(begin.length));
  const flags = heeds === "-" ? "gm" : "gim";
  try {
    new RegExp(source, `${flags}u`);
    return { source, flags: `${flags}u` };
  } catch {
    new RegExp(source, flags); // where escapes that mean nothing are welcome
    return { source, flags };
  }
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function expansions() {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const [first, last] of FOLDED) {
    for (let code = first; code <= last; code += 1) {
      const sign = String.fromCharCode(code);
      const text = folded(sign);
      if ([...text].length > 1) found.set(text, [...(found.get(text) ?? []), sign]);
    }
  }
  return [...found].sort(([a], [b]) => b.length - a.length);
}
