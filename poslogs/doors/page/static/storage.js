/** The storage: what this tab keeps across a reload; where the browser forbids that, until the reload. */

/** @type {Map<string, string>} */
const memory = new Map();

/** Whether the browser lets this page keep anything: policies, and people, forbid it together with cookies. */
export const isBlocked = store() === null;

/** @param {string} key */
export function get(key) {
  return (isBlocked ? memory.get(key) : sessionStorage.getItem(key)) ?? null;
}

/** Throws where there is no room. @param {string} key @param {string} text */
export function set(key, text) {
  if (isBlocked) memory.set(key, text);
  else sessionStorage.setItem(key, text);
}

/** @param {string} key */
export function remove(key) {
  if (isBlocked) memory.delete(key);
  else sessionStorage.removeItem(key);
}

function store() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null; // to ask is an error already
  }
}
