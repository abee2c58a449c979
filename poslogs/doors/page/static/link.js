/** The link: what is looked at, in the fragment of the page's address. Never a token. */

const NAMES = ["env", "tool", "filter", "search", "regex"];

/** What the address says: those of env, tool, filter, search and regex that it names. */
export function read() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(NAMES.filter((name) => fragment.has(name)).map((name) => [name, fragment.get(name)]));
}

/** Write it into the address, without a new step in the browser's history. Empty parts are left out. */
export function write(parts) {
  const fragment = new URLSearchParams();
  for (const name of NAMES) if (parts[name]) fragment.set(name, parts[name]);
  history.replaceState(null, "", `#${fragment}`);
}
