/** The link: what is looked at, in the fragment of the page's address. A token in it is taken out at once. */

const NAMES = ["env", "tool", "query", "search", "regex", "only", "type", "path", "group", "since", "until", "at"];

/** @typedef {Record<string, string | undefined>} Parts */

let known = ""; // the address as it was read or written here last; "" before that

/**
 * What the address says: those of NAMES that it names. An older link's `filter` is told as the query that it means: one
 * word was a type then.
 * @returns {Parts}
 */
export function read() {
  known = location.href;
  const fragment = new URLSearchParams(location.hash.slice(1));
  const filter = fragment.get("filter");
  if (filter !== null && !fragment.has("query")) fragment.set("query", /^(?![-/])[^\s":,]+$/.test(filter) ? `type:${filter}` : filter);
  return Object.fromEntries(NAMES.filter((name) => fragment.has(name)).map((name) => [name, fragment.get(name) ?? ""]));
}

/** The token that the address brings, "" without one; from then on neither the address nor the history has it. */
export function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return "";
  fragment.delete("token");
  history.replaceState(null, "", `#${fragment}`);
  if (known !== "") known = location.href;
  return token.trim();
}

/** The whole address of what these parts say, for others: without a token or a name to sign in with. @param {Parts} parts */
export function whole(parts) {
  return `${location.origin}${location.pathname}${written(parts)}`;
}

/** @param {Parts} parts */
function written(parts) {
  const fragment = new URLSearchParams();
  for (const name of NAMES) {
    const part = parts[name];
    if (part) fragment.set(name, part);
  }
  return `#${String(fragment).replaceAll("%2C", ",")}`; // names stay legible
}

/**
 * Write it into the address. Empty parts are left out. Not over a link that somebody has just put there: the page is told
 * of that a moment later, and opens it. With `step` it becomes a new step in the browser's history, unless
 * the address is the same; `state` is kept with the step.
 * @param {Parts} parts @param {{ step?: boolean, state?: unknown }} [how]
 */
export function write(parts, { step = false, state = null } = {}) {
  if (known !== "" && location.href !== known) return;
  const address = written(parts);
  const isOther = new URL(address, location.href).href !== location.href;
  if (step && isOther) history.pushState(state, "", address);
  else if (isOther || JSON.stringify(history.state) !== JSON.stringify(state)) history.replaceState(state, "", address);
  known = location.href;
}
