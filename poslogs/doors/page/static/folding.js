/** Folding: text in the form in which it is compared. The twin of the server's poslogs/query/folding.py. */

const CROWD = /\p{M}{31}/u; // to put more marks in order takes a time that grows with their square
const CHEROKEE = /[\u13a0-\u13fd\uab70-\uabbf]/; // folds to capitals

/** The text in NFC; as it is where more than 30 combining marks follow one another. @param {string} text */
export function composed(text) {
  return isAscii(text) || CROWD.test(text) ? text : text.normalize("NFC");
}

/** The text in full case folding, where `ß` is `ss`, and composed, before and after. @param {string} text */
export function folded(text) {
  if (isAscii(text)) return text.toLowerCase();
  return composed(composed(text).replace(/[^\0-@[-\x7f]/gu, sign));
}

/** @param {string} one */
function sign(one) {
  if (one === "ı") return one; // its capital is that of i
  return CHEROKEE.test(one) ? one.toUpperCase() : one.toLowerCase().toUpperCase().toLowerCase();
}

/** @param {string} text */
function isAscii(text) {
  return !/[^\0-\x7f]/.test(text);
}
