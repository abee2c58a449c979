/**
 * One stream for all tabs that watch the same log with the same token: a browser allows six connections to a server.
 *
 * One tab leads (leadership.js): it follows the log and passes it on over a channel. When it goes away the next one
 * continues at its own position, and so does one that has heard nothing of a leader for as long as a stream may be
 * silent: it is frozen, or busy. Each tab holds a lock of its own as well, for which the leader waits: so it learns that
 * a tab has gone. What they say to each other is `Message`, in types.d.ts.
 */
/** @import { Asked, Entry, LogEvent, Message, Timer } from "../types.d.ts" */
import { Leader, serves } from "./leader.js";
import { Leadership, hold, nameOf } from "./leadership.js";
import { Life } from "./life.js";
import { newest } from "./past.js";
import { Repeats } from "./repeats.js";
import { silence } from "./stream.js";
import { messageOf } from "./text.js";
import { onWake, wake } from "./waiting.js";
import { group, normal, wants } from "./wanted.js";

const ANSWER_MS = 2000; // a leader that does not answer for this long may be frozen
const MAX_HELLOS = 3;
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
  /** @type {Leadership | undefined} */
  #leadership; // none where this tab is alone
  /** @type {Leader | undefined} */
  #leader; // only where this tab leads
  /** @type {string | undefined} */
  #served; // the filter of the stream; undefined until some tab leads
  #need = true; // what came before has to be got apart from the stream
  #repeats = new Repeats();
  /** @type {Timer | undefined} */
  #timer; // of the next hello
  #leadersLife;
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
  constructor({ base, token, env, tool, filter = "", interval, tail = PAST_ENTRIES, tailEach, heartbeat, lastId, history, onEvent }) {
    this.#asked = { base, token, env, tool, interval, tail, tailEach, heartbeat };
    this.#filter = normal(filter);
    this.#position = lastId;
    this.#history = history;
    this.#onEvent = onEvent;
    this.#leadersLife = new Life(silence(heartbeat), {
      ask: () => this.#channel?.postMessage({ ping: this.#id }),
      end: () => this.#leadership?.take(),
    });
    onEvent({ state: "connecting" });
    this.#meet().catch(() => this.#lead("", this.#over.signal)); // no locks or no channel here, as with plain http from elsewhere: alone
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
    this.#leadersLife.stop();
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #meet() {
    const name = await nameOf(this.#asked, group(this.#filter));
    this.#id = crypto.randomUUID();
    const { signal } = this.#over;
    await new Promise((resolve, reject) => {
      hold(`${name} ${this.#id}`, { signal }, () => resolve(undefined)).catch(reject);
    });
    signal.throwIfAborted();
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    const parts = { begin: (/** @type {AbortSignal} */ leads) => this.#lead(name, leads), end: () => this.#resign() };
    this.#leadership = new Leadership(name, signal, parts);
    onWake(() => this.#channel?.postMessage({ wake: true }), signal); // the leader may be a tab that nobody looks at
    this.#leadersLife.sign();
    this.#hello();
  }

  /** @param {string} name @param {AbortSignal} signal of the time for which this tab leads */
  #lead(name, signal) {
    if (signal.aborted) return;
    clearTimeout(this.#timer);
    this.#leadersLife.stop();
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

  /** Another tab has taken over, since this one was silent: what has come meanwhile is got apart from the stream. */
  #resign() {
    this.#leader = undefined;
    this.#need = true;
    this.#leadersLife.sign();
    this.#hello();
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
      if (message.ping) this.#channel?.postMessage({ to: message.ping, lives: true });
      if (message.wake) wake();
      return;
    }
    if (message.leads || message.event || message.lives || message.past) this.#leadersLife.sign();
    if (message.lives) return;
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
    const entries = event.entries.filter((entry) => this.#repeats.isNew(entry) && wants(this.#filter, entry));
    this.#onEvent(entries.length > 0 ? { ...event, entries } : { position: event.position });
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
