/** The scanner: the words, quoted texts and expressions of a query. The twin of poslogs/query/scanner.py. */
import { Misread } from "./brackets.js";
import { compiled } from "./syntax.js";

export const BLANKS = " \t\r\n";
export const VALUE_ENDS = `${BLANKS},`;
const FLAGS = "gimsuvxyU"; // as other languages write them after the slash
const SHOWN_CHARS = 30; // of what a refusal quotes

/** A query is refused; `column` is that of a term's first character, from 1, in code points. */
export class NotUnderstood extends Error {
  /** @param {number} column @param {string} sentence */
  constructor(column, sentence) {
    super(`\`query\`, column ${column}: ${sentence}`);
    this.column = column;
  }
}

/** Reads a query; `at` is where the next sign stands, in code points. */
export class Scanner {
  at = 0;

  #signs;
  #begin = 0; // of the term that is read

  /** @param {string[]} signs */
  constructor(signs) {
    this.#signs = signs;
  }

  /** Go to the next term; false where there is none. */
  nextTerm() {
    while (this.sign !== "" && BLANKS.includes(this.sign)) this.at += 1;
    this.#begin = this.at;
    return this.sign !== "";
  }

  get sign() {
    return this.#signs[this.at] ?? "";
  }

  /** Whether the term ends here. */
  get ends() {
    return this.#stops(BLANKS);
  }

  /** The refusal of the term that is read. @param {string} sentence */
  refused(sentence) {
    return new NotUnderstood(this.#begin + 1, sentence);
  }

  /** What comes before one of these signs. */
  word(ends = BLANKS) {
    const begin = this.at;
    while (!this.#stops(ends)) this.at += 1;
    return this.#signs.slice(begin, this.at).join("");
  }

  /** What stands in quotes, with its escapes as they are; `ends` may follow. */
  quoted(ends = BLANKS) {
    const signs = this.#signs;
    const begin = this.at + 1;
    let end = begin;
    while (end < signs.length && signs[end] !== '"') {
      end += signs[end] === "\\" && ['"', "\\"].includes(signs[end + 1]) ? 2 : 1;
    }
    if (end >= signs.length) throw this.refused('a closing `"` is missing; write `\\"` for one inside.');
    this.at = end + 1;
    if (!this.#stops(ends)) {
      const rest = shown(this.word());
      throw this.refused(`\`${rest}\` stands right after a closing \`"\`; put a blank between, or \`\\"\` for one inside.`);
    }
    return signs.slice(begin, end).join("");
  }

  /** A regular expression between slashes; `ends` may follow. */
  expression(ends = BLANKS) {
    const signs = this.#signs;
    const begin = this.at + 1;
    let end = begin;
    while (end < signs.length && signs[end] !== "/") end += signs[end] === "\\" ? 2 : 1;
    if (end >= signs.length) {
      throw this.refused("a regular expression lacks its closing `/`; if none is meant, put quotes around the text.");
    }
    this.at = end + 1;
    if (begin === end) {
      throw this.refused("`//` is a regular expression with nothing in it; put quotes around a text.");
    }
    if (!this.#stops(ends)) throw this.#afterExpression();
    try {
      return compiled(signs.slice(begin, end).join(""));
    } catch (error) {
      if (!(error instanceof Misread)) throw error;
      throw this.refused(`the regular expression ${error.message}`);
    }
  }

  #afterExpression() {
    const rest = this.word();
    if ([...rest].every((sign) => FLAGS.includes(sign))) {
      return this.refused(
        `a regular expression takes no flags such as \`${rest}\`: case is ignored, unless it begins with \`(?-i)\`; ` +
          "if none is meant, put quotes around the text.",
      );
    }
    return this.refused(
      `\`${shown(rest)}\` stands right after the closing \`/\` of a regular expression; put a blank between, write ` +
        "`\\/` for one inside, or put quotes around a text.",
    );
  }

  /** @param {string} ends */
  #stops(ends) {
    return this.sign === "" || ends.includes(this.sign);
  }
}

/** A text for a refusal, not too long. @param {string} text */
export function shown(text) {
  const signs = [...text];
  return signs.length <= SHOWN_CHARS ? text : `${signs.slice(0, SHOWN_CHARS).join("")}…`;
}
