/** The leadership: which one of the tabs leads, by a lock for which all of them wait. */
/** @import { Asked } from "../types.d.ts" */

export class Leadership {
  #name;
  #signal;
  #parts;
  #turn = new AbortController(); // of the lock that is waited for, or had

  /**
   * Waits for the lock until `signal` aborts. `begin(leads)` is called when it is had, with a signal that aborts when it
   * is over; `end()` when another tab has taken it.
   * @param {string} name @param {AbortSignal} signal
   * @param {{ begin: (leads: AbortSignal) => void, end: () => void }} parts
   */
  constructor(name, signal, parts) {
    this.#name = name;
    this.#signal = signal;
    this.#parts = parts;
    signal.addEventListener("abort", () => this.#turn.abort());
    this.#wait({ signal: this.#turn.signal });
  }

  /** Take the lock from the tab that has it. */
  take() {
    if (this.#signal.aborted) return;
    this.#turn.abort();
    this.#turn = new AbortController();
    this.#wait({ steal: true });
  }

  /** @param {LockOptions} how */
  async #wait(how) {
    const turn = this.#turn;
    let had = false;
    const begin = () => {
      had = true;
      this.#parts.begin(turn.signal);
    };
    try {
      await hold(this.#name, how, begin, turn.signal);
    } catch {
      if (turn.signal.aborted || !had) return; // it was not waited for any more
      turn.abort();
      this.#turn = new AbortController();
      this.#parts.end();
      this.#wait({ signal: this.#turn.signal });
    }
  }
}

/**
 * Hold a lock until `over` aborts; `begin` is called once it is had. Fails where there are no locks, where the wait was
 * ended by the signal in `how`, and when it is stolen.
 * @param {string} name @param {LockOptions} how @param {() => void} begin @param {AbortSignal | undefined} [over]
 */
export function hold(name, how, begin, over = how.signal) {
  return navigator.locks.request(name, how, () => {
    begin();
    return new Promise((resolve) => {
      if (over === undefined || over.aborted) resolve(undefined);
      else over.addEventListener("abort", resolve);
    });
  });
}

/**
 * The name of the lock and the channel of all tabs that ask for the same with the same token; nobody reads a token off it.
 * `apart` sets those apart that cannot share it for another reason.
 * @param {Asked} asked @param {string[]} apart
 */
export async function nameOf({ base, token, env, tool }, apart) {
  const text = JSON.stringify([new URL(".", base), token, env, tool, ...apart]);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `poslogs ${btoa(String.fromCharCode(...new Uint8Array(hash)))}`;
}
