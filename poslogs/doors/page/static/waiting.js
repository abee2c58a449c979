/** Waiting: pauses, what ends them early, and signals that end what takes too long. Imports nothing. */

/**
 * A signal that aborts once one of these does. AbortSignal.any does the same, but not in each browser that this page runs in.
 * @param {...AbortSignal} signals
 */
export function either(...signals) {
  const joint = new AbortController();
  for (const each of signals) {
    if (each.aborted) joint.abort(each.reason);
    else each.addEventListener("abort", () => joint.abort(each.reason), { signal: joint.signal });
  }
  return joint.signal;
}

const waking = new EventTarget();

/** Says to all who wait that it is worth a try now: the network is back or gone, or somebody looks at the page again. */
export function wake() {
  waking.dispatchEvent(new Event("wake"));
}

const { document: page } = globalThis; // none under Node.js
const shown = () => setTimeout(() => addEventListener("pageshow", wake)); // again, not for the first time

globalThis.addEventListener?.("online", wake);
globalThis.addEventListener?.("offline", wake); // a connection that still works is soon there again
page?.addEventListener("visibilitychange", () => page.hidden || wake());
if (page?.readyState === "complete") shown();
else globalThis.addEventListener?.("load", shown);

/** Whether the browser knows that there is no network. */
export function isOffline() {
  return globalThis.navigator?.onLine === false;
}

/** Why a server was not reached: this sentence, unless the computer itself has no network. @param {string} otherwise */
export function explained(otherwise) {
  return isOffline() ? "This computer is offline." : otherwise;
}

/** Calls `act` whenever it is worth a try, until `signal` aborts. @param {() => void} act @param {AbortSignal} signal */
export function onWake(act, signal) {
  waking.addEventListener("wake", act, { signal });
}

/**
 * Waits for a number of ms, unless `signal` aborts. With `wakes` it also ends when it is worth a try.
 * @param {number} ms @param {AbortSignal} signal @param {boolean} wakes @returns {Promise<void>}
 */
export function pause(ms, signal, wakes) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { signal: over.signal });
    if (wakes) onWake(end, over.signal);
  });
}
