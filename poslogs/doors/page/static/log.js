/** The log: the entries of an environment, or of several, in a store, fed by the stream that the tabs share. */
/** @import { Entry, LogEvent, Timer } from "../types.d.ts" */
import { Gaps } from "./gaps.js";
import { Shared } from "./share.js";
import { sifted } from "./sieve.js";
import { Store, isLater, keyOf } from "./store.js";
import { isSlow, wants } from "./wanted.js";

const QUIET_MS = 1_000; // without entries, by which what was there at the opening has come
const INTERVAL_MS = 2_000; // how stale what is seen may be
const TAIL = 10_000; // entries from before the page was opened; the most that the server gives
const OPENING_MS = 15_000; // from the first entries of several environments on; later ones follow as they come

export class Log {
  store = new Store();
  gaps = new Gaps(this.store);
  env = "";
  tool = "";
  filter = "";

  /** @type {Shared | null} */
  #shared = null;
  /** @type {string | undefined} */
  #position;
  #opening = true; // what was there at the opening is still coming
  /** @type {number | undefined} */
  #until; // on performance's clock: an end of that, of several environments, one of which is never quiet
  /** @type {Timer | undefined} */
  #quiet; // the timer that ends this
  #filling = false; // what a new filter lets in, or several logs begin with, is on its way: it is put in order
  #recalled = new Set(); // keys of what was asked for by itself since the filter is the one it is
  #cleared = false; // so that what is held is not what another tab would want
  #connect;
  #onEvent;

  /**
   * `connect()` gives {base, token, heartbeat, names}, the environments' names. `onEvent(event, fresh, opening)` gets each event, what is new of it, and whether it
   * was there at the opening.
   * @param {() => { base: string, token: string, heartbeat: number | undefined, names: string[] }} connect
   * @param {(event: LogEvent, fresh: Entry[], opening: boolean) => void} onEvent
   */
  constructor(connect, onEvent) {
    this.#connect = connect;
    this.#onEvent = onEvent;
  }

  /**
   * Watch an environment, or several, with a tool; what is held of another one, or was got with another filter, leaves.
   * @param {string} env @param {string} tool @param {string} filter
   */
  open(env, tool, filter) {
    this.close();
    if (env !== this.env || filter !== this.filter) {
      this.#position = undefined;
      this.#opening = true;
      this.#filling = this.#isJoint(env);
      this.#until = undefined;
      this.#cleared = false;
      clearTimeout(this.#quiet);
      this.#recalled.clear();
      this.store.clear(false);
    }
    Object.assign(this, { env, tool, filter });
    this.#share();
  }

  /** Whether these are several environments, each entry of which names its own. @param {string} env */
  #isJoint(env) {
    return !this.#connect().names.includes(env);
  }

  /** Whether what is held of each environment reaches back to a moment, in ms since 1970, without a gap. @param {number} from */
  covers(from) {
    const held = this.gaps.unbroken(this.store.entries.slice());
    const firsts = new Map(held.toReversed().map((entry) => [entry.env, entry]));
    return firsts.size > 0 && [...firsts.values()].every(({ timestamp }) => Date.parse(timestamp) <= from);
  }

  /** The server's address, and the token. */
  get server() {
    return this.#connect();
  }

  /** Whether entries of an environment are watched. @param {string} env */
  watches(env) {
    return env === this.env || (this.#isJoint(this.env) && this.#connect().names.includes(env));
  }

  /** Hold these, too: all that there are from the first to the last one. @param {Entry[]} entries oldest first */
  recall(entries) {
    const kept = entries.filter((entry) => wants(this.filter, entry));
    this.#filling ||= this.#opening; // what is still coming is put in order
    const fresh = this.store.addPast(kept, true);
    if (kept.length > 0) this.gaps.note(kept, fresh, false);
    for (const entry of kept) this.#recalled.add(keyOf(entry));
  }

  #share() {
    const { env, tool, filter } = this;
    const { names, ...server } = this.#connect();
    this.#shared = new Shared({
      ...server,
      interval: INTERVAL_MS,
      tail: TAIL,
      tailEach: this.#isJoint(env) ? Math.ceil(TAIL / Math.max(1, names.length)) : undefined,
      lastId: this.#position,
      env,
      tool,
      filter,
      history: () => (this.#cleared ? null : this.gaps.unbroken(this.store.entries.slice(this.store.entries.end - TAIL))),
      onEvent: (event) => this.#take(event),
    });
  }

  /** Hold what a filter keeps, from now on and as far back as the server gives it. @param {string} filter */
  setFilter(filter) {
    this.#recalled.clear();
    const apart = isSlow(filter) || isSlow(this.filter);
    this.filter = filter;
    if (apart) {
      this.#setApart(filter).catch(() => {}); // it never fails
      return;
    }
    this.#opening = false;
    this.#filling = true;
    clearTimeout(this.#quiet);
    this.store.keep(filter);
    this.#shared?.setFilter(filter);
  }

  /** The same where the server looks for this tab alone; what is held stays as far as it is quick to tell. @param {string} filter */
  async #setApart(filter) {
    this.close();
    const held = this.store.entries.slice();
    const kept = new Set(isSlow(filter) ? await sifted(held, filter) : held.filter((entry) => wants(filter, entry)));
    if (this.filter !== filter || this.#shared) return; // something else was chosen meanwhile
    this.store.keepThose((entry) => kept.has(entry));
    this.#position = undefined;
    this.#opening = true;
    this.#filling = true;
    this.#until = undefined;
    this.#share();
  }

  #settle() {
    this.#opening = false;
    this.#filling = false;
  }

  /** Let go of all that is held, for good. Returns what undoes it, as long as the same log is watched. */
  clear() {
    const cleared = this.#cleared;
    this.#cleared = true;
    const undo = this.store.clear(true);
    return () => {
      this.#cleared = cleared;
      undo();
    };
  }

  /** Whether the reader has cleared it, for good so far. */
  get isCleared() {
    return this.#cleared;
  }

  close() {
    this.#shared?.close();
    this.#shared = null;
  }

  /** @param {LogEvent} event */
  #take(event) {
    const { entries = [], position, past } = event;
    const isFirst = this.#position === undefined && entries.length > 0;
    if (position !== undefined && !past) this.#position = position;
    if (this.#opening && (position !== undefined || entries.length > 0)) {
      clearTimeout(this.#quiet);
      const now = performance.now();
      if (this.#isJoint(this.env)) this.#until ??= now + OPENING_MS;
      this.#quiet = setTimeout(() => this.#settle(), Math.min(QUIET_MS, (this.#until ?? Infinity) - now));
    }
    const fresh = past || this.#filling ? this.store.addPast(entries) : this.store.add(entries);
    if (past || isFirst) this.#join(entries, fresh, past ?? false);
    if (past && !this.#opening) this.#filling = false;
    this.#onEvent(event, fresh, this.#opening);
  }

  /**
   * These came in a row. What comes of the past joins what is held already; what is older than all that there is of the
   * past, and was got with another filter, is not complete and leaves.
   * @param {Entry[]} entries @param {Entry[]} fresh @param {boolean} past
   */
  #join(entries, fresh, past) {
    if (entries.length === 0) return;
    this.gaps.note(entries, fresh, past);
    const [first] = entries;
    if (past && entries.length >= TAIL) this.store.keepThose((entry) => this.#recalled.has(keyOf(entry)) || !isLater(first, entry));
  }
}
