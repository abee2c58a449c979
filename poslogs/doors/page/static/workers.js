/** The workers of this page: where work is done that may take as long as it likes. */

const FOLDER = new URL(".", import.meta.url).href;
// The page's policy lets no text name a script but through this.
const trusted = globalThis.trustedTypes?.createPolicy("poslogs", { createScriptURL: (/** @type {string} */ name) => FOLDER + name });

/** A worker that runs one of these scripts; it says "ready" first. @param {"search-worker.js" | "query-worker.js"} name */
export function started(name) {
  return new Worker(trusted?.createScriptURL(name) ?? FOLDER + name, { type: "module" });
}
