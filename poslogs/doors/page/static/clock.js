/** The clock: what time it is, by the server where the browser's clock is wrong. */
import * as storage from "./storage.js";

const KEY = "poslogs.clock";
const EXACT_MS = 30_000; // less is no matter: a server tells whole seconds, and an answer takes a while

let ahead = Number(storage.get(KEY)) || 0;
/** @type {() => void} */
let onChange = () => {};

/** In ms since 1970. */
export function now() {
  return Date.now() - ahead;
}

/** How many ms the browser's clock is ahead of the server's, less than 0 where it is behind; 0 where they agree. */
export function wrongBy() {
  return ahead;
}

/** Call this when it is found out that the clocks differ otherwise than was known. @param {() => void} act */
export function watch(act) {
  onChange = act;
}

/** Learn the server's time from an answer that has just come. @param {Response} answer */
export function heard({ headers }) {
  const by = Date.now() - Date.parse(headers.get("Date") ?? "");
  if (Number.isNaN(by) || Math.abs(by - ahead) < EXACT_MS) return;
  ahead = Math.abs(by) < EXACT_MS ? 0 : by;
  storage.set(KEY, String(ahead));
  onChange();
}
