/**
 * One stream for all tabs that watch the same log with the same token: a browser allows six connections to a server.
 *
 * Of the tabs that ask for a lock, the one that has it leads: it follows the log and passes it on over a channel.
 * When it goes away the next one gets the lock, and continues at its own position. Each tab holds a lock of its own as
 * well, for which the leader waits: so it learns that a tab has gone. What they say to each other is `Message`, in
 * types.d.ts.
 */
/** @import { Asked, Entry, LogEvent, Message, Timer } from "../types.d.ts" */
import { Leader, serves } from "./leader.js";
import { newest } from "./past.js";
import { keyOf } from "./store.js";
import { messageOf } from "./text.js";
import { group, normal, wants } from "./wanted.js";

const ANSWER_MS = 2000; // a leader that does not answer for this long may be frozen
const MAX_HELLOS = 3;
const REMEMBERED = 10_000; // entries that are known again when a new leader repeats them
const PAST_ENTRIES = 1000;

/** This tab's share of a log. */
export class Shared {
  #asked;
  #filter;
  /** @type {string | undefined} */
  #position;
  #history;
  #onEvent;
  #id = "";
  /** @type {BroadcastChannel | undefined} */
  #channel; // none where this tab is alone
  /** @type {Leader | undefined} */
  #leader; // only where this tab leads
  /** @type {string | undefined} */
  #served; // the filter of the stream; undefined until some tab leads
  #need = true; // what came before has to be got apart from the stream
  /** @type {Set<string>[]} */
  #seen = [new Set(), new Set()]; // the younger first
  /** @type {Timer | undefined} */
  #timer; // of the next hello
  #past = new AbortController(); // the question for the past that is under way
  #over = new AbortController();

  /**
   * Begin, as `followOrAsk` does. `tail` also bounds the past that a change of filter brings. `history()` gives the entries
   * that this tab holds, oldest first, up to the last one that `onEvent` has got.
   *
   * `onEvent` gets the events of `follow` without the entries that do not match `filter`; `{entries, position, past:
   * true}`, entries from before, some of them perhaps known; and `{shared: n}`, the number of tabs with this stream.
   * @param {Asked & { filter?: string, lastId?: string, history: () => Entry[] | null,
   *   onEvent: (event: LogEvent) => void }} asked
   */
  constructor({ base, token, env, tool, filter = "", interval, tail = PAST_ENTRIES, tailEach, lastId, history, onEvent }) {
    this.#asked = { base, token, env, tool, interval, tail, tailEach };
    this.#filter = normal(filter);
    this.#position = lastId;
    this.#history = history;
    this.#onEvent = onEvent;
    onEvent({ state: "connecting" });
    this.#meet().catch(() => this.#lead()); // no locks or no channel here, as with plain http from elsewhere: alone
  }

  /**
   * Get entries of this type or error_type, "" for all: from now on, and the newest of before.
   * @param {string} filter
   */
  setFilter(filter) {
    this.#filter = normal(filter);
    this.#past.abort();
    this.#need = true;
    if (!this.#leader) return this.#hello();
    this.#leader.setFilter(this.#filter);
    this.#fetchPast();
  }

  close() {
    this.#past.abort();
    this.#over.abort();
    clearTimeout(this.#timer);
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #meet() {
    const { base, token, env, tool } = this.#asked;
    const text = JSON.stringify([new URL(".", base), token, env, tool, ...group(this.#filter)]);
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)); // nobody reads a token off it
    const name = `poslogs ${btoa(String.fromCharCode(...new Uint8Array(hash)))}`;
    this.#id = crypto.randomUUID();
    await new Promise((resolve, reject) => {
      this.#hold(`${name} ${this.#id}`, () => resolve(undefined)).catch(reject);
    });
    this.#over.signal.throwIfAborted();
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#hold(name, () => this.#lead(name)).catch(() => {}); // closed before it was had
    this.#hello();
  }

  /**
   * Hold a lock until this tab is done with the log; `begin` is called once it is had.
   * @param {string} name @param {() => void} begin
   */
  #hold(name, begin) {
    const { signal } = this.#over;
    return navigator.locks.request(name, { signal }, () => {
      begin();
      return new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        else signal.addEventListener("abort", resolve);
      });
    });
  }

  /** @param {string} [name] */
  #lead(name = "") {
    const { signal } = this.#over;
    if (signal.aborted) return;
    clearTimeout(this.#timer);
    if (this.#served === undefined) this.#need = false; // nobody has led before: the stream brings what there is
    this.#leader = new Leader({
      name,
      asked: this.#asked,
      filter: this.#filter,
      served: this.#served,
      position: this.#position,
      history: () => (this.#need ? null : this.#history()),
      post: (message) => this.#channel?.postMessage(message),
      onEvent: (event) => this.#take(event),
      signal,
    });
    if (this.#need) this.#fetchPast();
  }

  #hello(before = 1) {
    clearTimeout(this.#timer);
    this.#channel?.postMessage({ hello: this.#id, filter: this.#filter, need: this.#need });
    const next = () => (before < MAX_HELLOS ? this.#hello(before + 1) : this.#fetchPast());
    if (this.#need) this.#timer = setTimeout(next, ANSWER_MS);
  }

  /** @param {Message} message */
  #hear(message) {
    if (this.#leader) {
      if (message.hello) this.#leader.welcome(message.hello, message.filter ?? "", message.need ?? false);
      return;
    }
    if ((message.to ?? this.#id) !== this.#id) return;
    if (message.to) clearTimeout(this.#timer);
    if (message.leads) this.#hello();
    if (message.shared) this.#onEvent({ shared: message.shared });
    if (message.event) this.#take(message.event);
    if (message.past && message.filter === this.#filter) this.#recall(message);
    if (message.served === undefined) return;
    this.#served = message.served;
    const isServed = serves(this.#served, this.#filter);
    if (this.#need && isServed && message.to && !message.history) this.#fetchPast();
    if (this.#need || isServed) return;
    this.#need = true; // the leader does not know of this tab
    this.#hello();
  }

  /** @param {LogEvent} event */
  #take(event) {
    this.#position = event.position ?? this.#position;
    if (!event.entries) return this.#onEvent(event);
    const entries = event.entries.filter((entry) => this.#isNew(entry) && wants(this.#filter, entry));
    this.#onEvent(entries.length > 0 ? { ...event, entries } : { position: event.position });
  }

  /** @param {Entry} entry */
  #isNew(entry) {
    const key = keyOf(entry);
    if (this.#seen.some((keys) => keys.has(key))) return false;
    if (this.#seen[0].size === REMEMBERED) this.#seen = [new Set(), this.#seen[0]];
    this.#seen[0].add(key);
    return true;
  }

  /** @param {Message} message */
  #recall({ past, position, last }) {
    this.#position ??= position;
    this.#onEvent({ entries: past, position, past: true });
    if (last) this.#need = false;
  }

  async #fetchPast() {
    this.#past.abort();
    this.#past = new AbortController();
    const { signal } = this.#past;
    try {
      const { logs, lastId } = await newest({ ...this.#asked, filter: this.#filter, signal });
      this.#onEvent({ entries: logs, position: lastId, past: true });
    } catch (error) {
      if (signal.aborted) return;
      this.#onEvent({ trouble: messageOf(error) });
    }
    this.#need = false;
  }
}
