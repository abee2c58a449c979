/** The expression that a search looks for. */

/** Plain text: its signs mean themselves, its case does not matter. @param {string} query */
export function plain(query) {
  return { source: query.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), flags: "giu" };
}

/** A regular expression; its `^` is at each line. Throws a SyntaxError for what is none. @param {string} source */
export function regular(source) {
  try {
    new RegExp(source, "gmu");
    return { source, flags: "gmu" };
  } catch {
    new RegExp(source, "gm"); // where escapes that mean nothing are welcome
    return { source, flags: "gm" };
  }
}
