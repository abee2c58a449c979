/** Looks for an expression in texts, where it may take as long as it likes: search.js ends a worker that does. */

const MAX_RANGES = 50; // of one text

onmessage = ({ data: { source, flags, texts } }) => {
  const expression = new RegExp(source, flags);
  postMessage(texts.map((/** @type {string} */ text) => ranges(text, expression)));
};

/** @param {string} text @param {RegExp} expression @returns {[number, number][] | null} */
function ranges(text, expression) {
  /** @type {[number, number][]} */
  const found = [];
  for (const { 0: match, index } of text.matchAll(expression)) {
    if (match !== "") found.push([index, index + match.length]);
    if (found.length === MAX_RANGES) break;
  }
  return found.length > 0 ? found : null;
}

postMessage("ready");
