/** The syntax of regular expressions that RE2 and JavaScript read alike. The twin of poslogs/query/syntax.py. */
import { composed } from "./folding.js";
import { Misread, escaped, set, signAt } from "./brackets.js";

const MAX_CHARS = 200; // of an expression, in code points
const MOST_REPEATS = 1000;
const COUNT = /\{([0-9]{1,9})(?:,([0-9]{0,9}))?\}/y;
const NAMED = /\(\?<([A-Za-z_][A-Za-z0-9_]*)>/y;
const FLAGS = /\(\?[A-Za-z-]+[:)]/y;
const KNOWN_FLAGS = ["(?i)", "(?-i)"];
const REFUSED = Object.entries({
  "(?<=": "a look behind, `(?<=`; write what must be there, or use a second term",
  "(?<!": "a look behind, `(?<!`; use a second term, with `-` before it",
  "(?=": "a look ahead, `(?=`; write what must be there, or use a second term",
  "(?!": "a look ahead, `(?!`; use a second term, with `-` before it",
  "(?P": "`(?P`; write `(?<name>`, or `(` alone",
  "(?>": "an atomic group, `(?>`; write `(?:`",
  "(?#": "a comment, `(?#`; leave it out",
});

/**
 * What stands between the slashes as an expression of JavaScript, which means the same as RE2 makes of it. Throws
 * Misread.
 * @param {string} source
 */
export function compiled(source) {
  const count = [...source].length;
  if (count > MAX_CHARS) throw new Misread(`has ${count} characters; ${MAX_CHARS} are allowed.`);
  const look = new Look(composed(source));
  look.run();
  return new RegExp(look.made, look.flags);
}

/** One look through an expression, from left to right; `made` is what it is for JavaScript. */
class Look {
  made = "";
  flags = "iu";

  #source;
  #at = 0;
  #depth = 0; // parentheses that are open
  #names = new Set(); // of groups
  #repeatable = false; // what stands before may be repeated

  /** @param {string} source */
  constructor(source) {
    this.#source = source;
  }

  run() {
    const flags = KNOWN_FLAGS.find((known) => this.#source.startsWith(known)) ?? "";
    if (flags === "(?-i)") this.flags = "u";
    this.#at = flags.length;
    while (this.#at < this.#source.length) this.#step(this.#source[this.#at]);
    if (this.#depth > 0) throw new Misread("lacks a `)`.");
  }

  /** @param {string} sign */
  #step(sign) {
    if (sign === "\\") this.#escape();
    else if (sign === "[") this.#pass(set(this.#source, this.#at));
    else if (sign === "(") this.#open();
    else if (sign === ")") this.#close();
    else if ("|^$".includes(sign)) this.#pass({ end: this.#at + 1, made: sign }, false);
    else if ("*+?{".includes(sign)) this.#repeat(sign);
    else if ("}]".includes(sign)) {
      throw new Misread(`has a \`${sign}\` that closes nothing; write \`\\${sign}\` for the sign.`);
    } else this.#pass({ end: this.#at + 1, made: sign === "." ? "[^\\n]" : sign });
  }

  /** @param {{ end: number, made: string }} part */
  #pass({ end, made }, repeatable = true) {
    this.#at = end;
    this.made += made;
    this.#repeatable = repeatable;
  }

  #escape() {
    const sign = signAt(this.#source, this.#at + 1);
    if (["b", "B"].includes(sign)) this.#pass({ end: this.#at + 2, made: `\\${sign}` }, false);
    else this.#pass(escaped(this.#source, this.#at, false));
  }

  #open() {
    const end = this.#source.startsWith("(?", this.#at) ? this.#group() : this.#at + 1;
    this.#depth += 1;
    this.#pass({ end, made: "(?:" }, false);
  }

  /** Where the inside of a group begins that `(?` opens. */
  #group() {
    const [source, at] = [this.#source, this.#at];
    if (source.startsWith("(?:", at)) return at + 3;
    const refused = REFUSED.find(([start]) => source.startsWith(start, at));
    if (refused) throw new Misread(`has ${refused[1]}.`);
    const named = found(NAMED, source, at);
    if (named) {
      if (this.#names.has(named[1])) throw new Misread(`names two groups \`${named[1]}\`; name each once.`);
      this.#names.add(named[1]);
      return at + named[0].length;
    }
    const flags = found(FLAGS, source, at);
    if (flags) {
      const known = "of flags only `(?-i)` and `(?i)` are known, at its very beginning";
      throw new Misread(`has \`${flags[0]}\`; ${known}.`);
    }
    throw new Misread("has `(?` without what belongs to it; write `\\(\\?` for these signs.");
  }

  #close() {
    if (this.#depth === 0) throw new Misread("has a `)` too many; write `\\)` for the sign.");
    this.#depth -= 1;
    this.#pass({ end: this.#at + 1, made: ")" });
  }

  /** @param {string} sign */
  #repeat(sign) {
    if (sign === "{") {
      const count = found(COUNT, this.#source, this.#at);
      if (!count) throw new Misread("has a `{` that begins no count such as `{2,5}`; write `\\{` for the sign.");
      const [least, most] = [Number(count[1]), Number(count[2] || count[1])];
      sign = count[0];
      if (Math.max(least, most) > MOST_REPEATS) {
        throw new Misread(`has \`${sign}\`; the highest count is ${MOST_REPEATS}.`);
      }
      if (least > most) throw new Misread(`has \`${sign}\`; the smaller count comes first.`);
    }
    if (!this.#repeatable) {
      throw new Misread(`has nothing that \`${sign}\` could repeat; write \`\\${sign[0]}\` for the sign.`);
    }
    const end = this.#at + sign.length;
    const few = this.#source[end] === "?" ? "?" : "";
    this.#pass({ end: end + few.length, made: sign + few }, false);
  }
}

/** @param {RegExp} sticky @param {string} source @param {number} at */
function found(sticky, source, at) {
  sticky.lastIndex = at;
  return sticky.exec(source);
}
