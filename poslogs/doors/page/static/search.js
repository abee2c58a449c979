/** The search in what a tab holds: where a text or an expression occurs. A worker looks, so the page never hangs. */
/** @import { Ranges, Timer } from "../types.d.ts" */
import { plain, regular } from "./expression.js";
import { messageOf } from "./text.js";
import { started } from "./workers.js";

const MAX_CHARS = 100_000; // of a text that are looked at
const BATCH_ENTRIES = 500;
const BATCH_CHARS = 1_000_000;
const BATCH_MS = 1000; // an expression that takes longer for one batch is given up
const TELL_MS = 100; // between two calls of onChange
const TOO_SLOW = "This expression takes too long here; make it simpler.";

/**
 * Keeps in step with a row of entries. `count` of them match so far; `problem` is "", or a sentence for the reader.
 * @template {object} E
 */
export class Search {
  problem = "";

  #textOf;
  #onChange;
  /** @type {{ source: string, flags: string } | null} */
  #expression = null;
  /** @type {Set<E>} */
  #entries = new Set();
  /** @type {Map<E, Ranges>} */
  #found = new Map();
  /** @type {E[]} */
  #queue = []; // not looked at yet; from the end on
  /** @type {E[] | null} */
  #batch = null; // what the worker looks at
  /** @type {Worker | null} */
  #worker = null;
  #isReady = false;
  /** @type {Timer | undefined} */
  #limit; // timer of the batch
  /** @type {Timer | undefined} */
  #telling; // timer of onChange

  /**
   * `textOf(entry)` gives the text to look in, always the same; `onChange()` is called when there is news.
   * @param {{ textOf: (entry: E) => string, onChange: () => void }} parts
   */
  constructor({ textOf, onChange }) {
    this.#textOf = textOf;
    this.#onChange = onChange;
  }

  /**
   * Look for this from now on, "" for nothing. Plain text ignores case; an expression's `^` is at each line.
   * @param {string} query
   */
  set(query, { regex = false } = {}) {
    this.problem = "";
    this.#expression = null;
    try {
      if (query !== "") this.#expression = regex ? regular(query) : plain(query);
    } catch (error) {
      this.problem = `This is not a regular expression: ${messageOf(error).split(": ").at(-1)}.`;
    }
    if (this.#batch) this.#end(); // it may be at it for ever
    const entries = [...this.#entries];
    this.#entries.clear();
    this.#found.clear();
    this.reset(entries);
  }

  /**
   * There are these now and no others, oldest first; the newest are looked at first. What was found in those that stay is
   * known.
   * @param {E[]} entries
   */
  reset(entries) {
    const queued = new Set(this.#queue);
    const isNew = (/** @type {E} */ entry) => !this.#entries.has(entry) || queued.has(entry);
    const unknown = entries.filter(isNew);
    this.#queue = [];
    this.#entries = new Set(entries);
    for (const entry of this.#found.keys()) if (!this.#entries.has(entry)) this.#found.delete(entry);
    this.add(unknown);
    this.#tell();
  }

  /** @param {E[]} entries */
  add(entries) {
    for (const entry of entries) this.#entries.add(entry);
    if (!this.#expression) return;
    for (const entry of entries) this.#queue.push(entry);
    this.#next();
  }

  /** @param {E[]} entries */
  drop(entries) {
    for (const entry of entries) {
      this.#entries.delete(entry);
      if (this.#found.delete(entry)) this.#tell();
    }
  }

  /**
   * Where it is in an entry's text, `[[start, end], …]`, at most 50; null when it is not, or is not known to be.
   * @param {E} entry
   */
  ranges(entry) {
    return this.#found.get(entry) ?? null;
  }

  /** @param {E} entry */
  matches(entry) {
    return this.#found.has(entry);
  }

  get count() {
    return this.#found.size;
  }

  /** Whether there are entries that nobody has looked at yet. */
  get busy() {
    return this.#batch !== null || this.#queue.length > 0;
  }

  close() {
    this.#expression = null;
    this.reset([]);
    clearTimeout(this.#telling);
    this.#end();
  }

  /** Give the worker a batch, unless it has one. */
  #next() {
    if (this.#batch || this.#queue.length === 0) return;
    this.#worker ??= this.#start();
    if (!this.#isReady) return; // it says when it is
    const batch = [];
    const texts = [];
    for (let chars = 0; texts.length < BATCH_ENTRIES && chars < BATCH_CHARS; ) {
      const entry = this.#queue.pop();
      if (entry === undefined) break;
      if (!this.#entries.has(entry)) continue;
      const text = this.#textOf(entry).slice(0, MAX_CHARS);
      batch.push(entry);
      texts.push(text);
      chars += text.length;
    }
    this.#batch = batch;
    this.#limit = setTimeout(() => this.#give(TOO_SLOW), BATCH_MS);
    this.#worker.postMessage({ ...this.#expression, texts });
  }

  #start() {
    const worker = started("search-worker.js");
    worker.onmessage = ({ data }) => worker === this.#worker && this.#hear(data);
    worker.onerror = () => worker === this.#worker && this.#give("The search does not work here.");
    return worker;
  }

  /** @param {"ready" | (Ranges | null)[]} answer */
  #hear(answer) {
    if (answer === "ready") this.#isReady = true;
    else this.#note(answer);
    this.#next();
  }

  /** @param {(Ranges | null)[]} found */
  #note(found) {
    clearTimeout(this.#limit);
    for (const [n, entry] of (this.#batch ?? []).entries()) {
      const ranges = found[n];
      if (ranges && this.#entries.has(entry)) this.#found.set(entry, ranges);
    }
    this.#batch = null;
    this.#tell();
  }

  /** Give up: what was found stays. @param {string} problem */
  #give(problem) {
    this.#expression = null;
    this.#queue = [];
    this.#end();
    this.problem = problem;
    this.#tell();
  }

  /** Be rid of the worker and of what it looks at. */
  #end() {
    clearTimeout(this.#limit);
    this.#worker?.terminate();
    this.#worker = null;
    this.#isReady = false;
    this.#batch = null;
  }

  #tell() {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#onChange();
    }, TELL_MS);
  }
}
