/** The filter: the text of the field, and what is wanted by it (wanted.js), where one word is a whole type. */

const WORD = /^(?![-/])[^\s":,]+$/;
const TYPE = /^type:((?![-/])[^\s":,*]{1,200})$/i;

/**
 * What a text of the query language wants; a single word is a type where `isType` knows it, else a text.
 * @param {string} text @param {(word: string) => boolean} isType
 */
export function meant(text, isType) {
  const type = TYPE.exec(text);
  if (type) return type[1];
  if (!WORD.test(text) || isType(text)) return text;
  return `"${text.replaceAll("\\", "\\\\")}"`;
}

/** The text by which the query language says what is wanted. @param {string} wanted */
export function shown(wanted) {
  if (WORD.test(wanted)) return `type:${wanted}`;
  const quoted = /^"([^"\\]+)"$/.exec(wanted)?.[1] ?? "";
  return WORD.test(quoted) ? quoted : wanted;
}
