/** The leader among the tabs of one log: it has the stream, and hands on what comes. For `Message` see types.d.ts. */
/** @import { Asked, Entry, LogEvent, Message, Timer } from "../types.d.ts" */
import { followOrAsk } from "./asking.js";
import { messageOf } from "./text.js";
import { inputs } from "./wanted.js";

const SETTLE_MS = 1000; // until the stream is narrowed: perhaps a tab that needs more has not said hello yet
const CHUNK_ENTRIES = 500; // of history in one message

/** Follows the log for its own tab and all others until `signal` aborts. */
export class Leader {
  #name;
  #asked;
  #filter;
  /** @type {string | undefined} */
  #served;
  #position;
  /** @type {LogEvent} */
  #state = { state: "connecting" };
  #history;
  #post;
  #onEvent;
  #signal;
  #stream = new AbortController();
  /** @type {Map<string, string>} */
  #others = new Map(); // filters of the other tabs, by their ids
  /** @type {Timer | undefined} */
  #timer; // of the narrower stream

  /**
   * `asked` is for `followOrAsk`; `filter` is what this tab wants, `served` what the stream of the last leader had, if there
   * was one. `post(message)` speaks to the other tabs, each of which holds the lock `name` with its id; `onEvent` gets
   * what they are told. `history()` gives the entries that this tab holds, or null when it lacks some itself.
   * @param {{ name: string, asked: Asked, filter: string, served: string | undefined, position: string | undefined,
   *   history: () => Entry[] | null, post: (message: Message) => void, onEvent: (event: LogEvent) => void,
   *   signal: AbortSignal }} parts
   */
  constructor({ name, asked, filter, served, position, history, post, onEvent, signal }) {
    this.#name = name;
    this.#asked = asked;
    this.#filter = filter;
    this.#position = position;
    this.#history = history;
    this.#post = post;
    this.#onEvent = onEvent;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#stop());
    post({ leads: true });
    this.#count();
    this.#open(served ?? filter);
    this.#tune();
  }

  /** @param {string} filter */
  setFilter(filter) {
    this.#filter = filter;
    this.#tune();
  }

  /**
   * A tab is there, or wants something else than before.
   * @param {string} id @param {string} filter @param {boolean} need
   */
  welcome(id, filter, need) {
    const isNew = !this.#others.has(id);
    this.#others.set(id, filter);
    if (isNew) this.#watch(id);
    this.#tune();
    if (need && this.#state.state === "ended") this.#open(this.#served ?? ""); // somebody wants to know again
    const entries = need && filter === this.#filter ? this.#history() : null;
    this.#post({ to: id, event: this.#state, served: this.#served, history: entries !== null });
    if (entries) this.#recall(id, filter, entries);
  }

  /** Have the stream run with this filter, from the position on that it has reached. @param {string} filter */
  async #open(filter) {
    this.#stop();
    this.#stream = new AbortController();
    const { signal } = this.#stream;
    this.#served = filter;
    this.#post({ served: filter });
    if (this.#state.state !== "live") this.#tell({ state: "connecting" });
    try {
      for await (const event of followOrAsk({ ...this.#asked, ...inputs(filter), lastId: this.#position, signal })) {
        if (signal.aborted) return;
        if (event.state !== "connecting") this.#tell(event);
      }
    } catch (error) {
      if (!signal.aborted) this.#tell({ state: "ended", reason: `This page has a fault: ${messageOf(error)}` });
      throw error;
    }
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#stream.abort();
  }

  /** @param {LogEvent} event */
  #tell(event) {
    if (event.state) this.#state = event;
    this.#position = event.position ?? this.#position;
    this.#post({ event, served: this.#served });
    this.#onEvent(event);
  }

  /** Have the stream bring what all want: at once when it does not, else when nothing has changed for a while. */
  #tune() {
    const filters = [this.#filter, ...this.#others.values()];
    const common = filters.every((filter) => filter === this.#filter) ? this.#filter : "";
    clearTimeout(this.#timer);
    if (!filters.every((filter) => serves(this.#served, filter))) this.#open(common);
    else if (common !== this.#served) this.#timer = setTimeout(() => this.#open(common), SETTLE_MS);
  }

  #count() {
    const shared = this.#others.size + 1;
    this.#post({ shared });
    this.#onEvent({ shared });
  }

  /** Notice when a tab goes: its lock is free then. @param {string} id */
  #watch(id) {
    const left = () => {
      this.#others.delete(id);
      this.#count();
      this.#tune();
    };
    const lock = `${this.#name} ${id}`;
    navigator.locks.request(lock, { signal: this.#signal }, left).catch(() => {}); // this tab has gone first
    this.#count();
  }

  /**
   * Sends a tab the past, newest entries first.
   * @param {string} id @param {string} filter @param {Entry[]} entries
   */
  async #recall(id, filter, entries) {
    const position = this.#position;
    for (let end = entries.length, last = false; !last; end -= CHUNK_ENTRIES) {
      last = end <= CHUNK_ENTRIES;
      this.#post({ to: id, past: entries.slice(Math.max(0, end - CHUNK_ENTRIES), end), filter, position, last });
      await turn();
    }
  }
}

/**
 * Whether a stream with the first filter brings all that the second one wants.
 * @param {string | undefined} served @param {string} filter
 */
export function serves(served, filter) {
  return served === "" || served === filter;
}

/** Let the page do something else; unlike a timer this is as quick in a tab that nobody sees. */
function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}
