/** The arrival: brings an entry onto the screen among those around it, which the server is asked for where they are not held. */
/** @import { Entry } from "../types.d.ts" */
/** @import { Current } from "./current.js" @import { Finder } from "./finder.js" @import { List } from "./list.js" */
/** @import { Log } from "./log.js" @import { Overview } from "./overview.js" @import { View } from "./view.js" */
import { Recall } from "./recall.js";
import { isAfter } from "./store.js";
import { messageOf, visible } from "./text.js";
import { isWithin } from "./view.js";

const AROUND = 200; // entries that are asked for, half before and half after

/** An entry's place: `offset` in pixels below the top of the log, in the middle without. */
/** @typedef {{ env: string, id: string, offset?: number, current?: boolean }} Place */

export class Arrival {
  /** @type {Place | null} */
  going = null; // where to, while the server is asked

  /** @type {Place | null} */
  #hidden = null; // a place that the search has not come to yet

  #log;
  #recall;
  #view;
  #list;
  #current;
  #finder;
  #overview;
  #box;

  /**
   * It says in `box` how it goes.
   * @param {{ log: Log, view: View, list: List, current: Current, finder: Finder, overview: Overview, box: HTMLElement }} parts
   */
  constructor({ log, view, list, current, finder, overview, box }) {
    this.#log = log;
    this.#recall = new Recall(log);
    this.#view = view;
    this.#list = list;
    this.#current = current;
    this.#finder = finder;
    this.#overview = overview;
    this.#box = box;
  }

  /**
   * Bring an entry onto the screen. `known`: what is held around it is complete, if nothing is known to be missing.
   * @param {Place} place @param {boolean} [known]
   */
  async to(place, known = false) {
    this.#hidden = null;
    this.going = place;
    const entry = this.#held(place);
    if (entry !== undefined) this.#show(entry, place);
    if (entry !== undefined && known && this.#log.gaps.surrounds(entry)) return this.#end("");
    this.#box.textContent = `Asking for what is around entry ${visible(place.id)} …`;
    try {
      const { logs } = await this.#recall.around(place.env, place.id, AROUND);
      if (this.going !== place) return;
      const found = this.#held(place);
      const nearest = found ?? this.#nearest(place);
      if (nearest !== undefined) this.#show(nearest, place);
      const isThere = logs.some(({ id }) => id === place.id);
      const missing = isThere ? "is left out by the filter" : "is not in the log (any more)";
      this.#end(found !== undefined ? "" : `Entry ${visible(place.id)} ${missing}; this is its place.`);
    } catch (error) {
      if (this.going === place) this.#end(`What is around entry ${visible(place.id)} cannot be shown: ${messageOf(error)}`);
    }
  }

  /** The view shows more, perhaps the place that it did not show before. */
  look() {
    const place = this.#hidden;
    const entry = place === null ? undefined : this.#held(place);
    if (place === null || entry === undefined || this.#list.lines.find(entry) === undefined) return;
    this.#hidden = null;
    this.#show(entry, place);
  }

  /** Go nowhere any more. */
  cancel() {
    this.#hidden = null;
    if (this.going !== null) this.#end("");
  }

  /** @param {string} told */
  #end(told) {
    this.going = null;
    this.#box.textContent = told;
  }

  /** @param {Entry} entry @param {Place} place */
  #show(entry, place) {
    const { id, offset, current = true } = place;
    if (this.#list.lines.find(entry) === undefined) {
      if (this.#view.onlyMatches && isWithin(this.#view.narrowing, entry)) this.#hidden = place;
      else if (current) this.#widen();
    }
    const { lines } = this.#list;
    const line = current ? lines.unfold(entry) : lines.find(entry);
    if (line === undefined) return;
    const row = this.#list.reveal(line, offset);
    if (!current || entry.id !== id) return;
    this.#current.set(entry);
    const focused = document.activeElement;
    if (focused === null || focused === document.body || focused.id === "log" || focused.closest("#rows")) row?.focus({ preventScroll: true });
  }

  /** Have the view show all that is held. */
  #widen() {
    this.#finder.set(this.#finder.search, this.#finder.regex, false);
    this.#overview.set({});
  }

  /** @param {Place} place */
  #held({ env, id }) {
    return this.#log.store.entries.slice().findLast((entry) => entry.id === id && entry.env === env);
  }

  /** The entry that comes after a place, else the last one before. @param {Place} place */
  #nearest({ env, id }) {
    const shown = this.#view.shown.slice().filter((entry) => entry.env === env);
    return shown.find((entry) => isAfter(entry.id, id)) ?? shown.at(-1);
  }
}
