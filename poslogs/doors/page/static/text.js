/** Text: what others wrote, made fit to be shown. */
import { composed } from "./folding.js";

// C0 but line feed and tab, DEL, C1; then what turns the direction of text or has no shape: soft hyphen, Arabic letter
// mark, Mongolian separator, zero width space and bidi marks, line and paragraph separators, invisible operators, BOM,
// interlinear marks and tags. But tags after a black flag are the flag of England, say; and a joiner belongs to its word
// or picture where it stands after a mark, or between letters or pictures.
const FLAG = "\\u{1f3f4}[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{3,6}\\u{e007f}";
const SHAPED = "\\p{L}\\p{M}\\p{Extended_Pictographic}\\p{Emoji_Modifier}";
const JOINER = `[\\u200c\\u200d](?<!\\p{M}.)(?:(?<![${SHAPED}].)|(?![${SHAPED}]))`;
const UNSEEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e" +
    `\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]|${JOINER}|${FLAG}|[\\u{e0000}-\\u{e007f}]`,
  "gu",
);

/**
 * The text, composed (NFC), with each sign that does not show, or that turns the others around, as `\x1b` or `\u202e`.
 * @param {string} text
 */
export function visible(text) {
  return composed(text).replace(UNSEEN, (sign) => {
    if (sign.length > 2) return sign; // a flag
    const code = sign.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${hex(code, 2)}` : code < 65536 ? `\\u${hex(code, 4)}` : `\\u{${code.toString(16)}}`;
  });
}

/** @param {number} code @param {number} digits */
function hex(code, digits) {
  return code.toString(16).padStart(digits, "0");
}

/** A number with its noun: `1 entry`, `1,204 entries`. @param {number} number @param {string} one */
export function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** The message of an error, or the text of anything else that was thrown. @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
