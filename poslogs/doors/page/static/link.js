/** The link: what is looked at, in the fragment of the page's address. A token in it is taken out at once. */

const NAMES = ["env", "tool", "filter", "search", "regex"];

/**
 * What the address says: those of env, tool, filter, search and regex that it names.
 * @returns {Record<string, string | undefined>}
 */
export function read() {
  const fragment = new URLSearchParams(location.hash.slice(1));
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
 * Write it into the address, without a new step in the browser's history. Empty parts are left out.
 * @param {Record<string, string | undefined>} parts
 */
export function write(parts) {
  const fragment = new URLSearchParams();
  for (const name of NAMES) {
    const part = parts[name];
    if (part) fragment.set(name, part);
  }
  history.replaceState(null, "", `#${String(fragment).replaceAll("%2C", ",")}`); // names stay legible
}
