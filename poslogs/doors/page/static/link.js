/** The link: what is looked at, in the fragment of the page's address. A token in it is taken out at once. */

const NAMES = ["env", "tool", "query", "search", "regex", "only", "type", "path", "group", "since", "until", "at"];

/** @typedef {Record<string, string | undefined>} Parts */

/**
 * What the address says: those of NAMES that it names. An older link's `filter` is told as the query that it means: one
 * word was a type then.
 * @returns {Parts}
 */
export function read() {
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
  return token.trim();
}

/**
 * Write it into the address. Empty parts are left out. With `step` it becomes a new step in the browser's history, unless
 * the address is the same; `state` is kept with the step.
 * @param {Parts} parts @param {{ step?: boolean, state?: unknown }} [how]
 */
export function write(parts, { step = false, state = null } = {}) {
  const fragment = new URLSearchParams();
  for (const name of NAMES) {
    const part = parts[name];
    if (part) fragment.set(name, part);
  }
  const address = `#${String(fragment).replaceAll("%2C", ",")}`; // names stay legible
  const isOther = new URL(address, location.href).href !== location.href;
  if (step && isOther) history.pushState(state, "", address);
  else if (isOther || JSON.stringify(history.state) !== JSON.stringify(state)) history.replaceState(state, "", address);
}
