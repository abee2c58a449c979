/** The arrival: brings an entry onto the screen among those around it, which the server is asked for where they are not held. */
/** @import { Entry, Narrowing } from "../types.d.ts" */
/** @import { Current } from "./current.js" @import { Finder } from "./finder.js" @import { List } from "./list.js" */
/** @import { Log } from "./log.js" @import { Overview } from "./overview.js" @import { Steps } from "./steps.js" */
/** @import { View } from "./view.js" */
import { Recall } from "./recall.js";
import { isAfter } from "./store.js";
import { messageOf, visible } from "./text.js";
import { isWithin } from "./view.js";

const AROUND = 200; // entries that are asked for, half before and half after

/** An entry's place: `offset` in pixels below the top of the log, in the middle without. */
/** @typedef {{ env: string, id: string, offset?: number, current?: boolean }} Place */

/**
 * The place that a link's `at` names: an id, where several environments are watched with its own before it.
 * @param {string} at @param {string} env @returns {Place | null}
 */
export function placed(at, env) {
  const [, name = env, id] = /^(?:(.+):)?(\d{1,19})$/.exec(at) ?? [];
  return id === undefined ? null : { env: name, id };
}

export class Arrival {
  /** @type {Place | null} */
  going = null; // where to, while the server is asked

  /** @type {Place | null} */
  #hidden = null; // a place that the search has not come to yet

  /** @type {{ time: Narrowing["time"], isHeld: boolean } | null} */
  #beginning = null; // a time that is to open where a reader begins, once it is held

  #log;
  #recall;
  #view;
  #list;
  #current;
  #finder;
  #overview;
  #steps;
  #box;

  /**
   * It says in `box` how it goes.
   * @param {{ log: Log, view: View, list: List, current: Current, finder: Finder, overview: Overview, steps: Steps,
   *   box: HTMLElement }} parts
   */
  constructor({ log, view, list, current, finder, overview, steps, box }) {
    this.#log = log;
    this.#recall = new Recall(log);
    this.#view = view;
    this.#list = list;
    this.#current = current;
    this.#finder = finder;
    this.#overview = overview;
    this.#steps = steps;
    this.#box = box;
  }

  /**
   * Bring an entry onto the screen. `known`: what is held around it is complete, if nothing is known to be missing.
   * @param {Place} place @param {boolean} [known]
   */
  async to(place, known = false) {
    this.cancel();
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

  /**
   * Go to where a reader begins who has chosen the time that is looked at, once that is held. A reader who leaves the
   * end of the log meanwhile stays there.
   * @param {Promise<void>} held
   */
  async toBeginning(held) {
    this.cancel();
    const beginning = { time: this.#view.narrowing.time, isHeld: false };
    this.#beginning = beginning;
    await held;
    beginning.isHeld = true;
    this.look();
  }

  /** Whether it is on its way to somewhere. */
  get isUnderWay() {
    return this.going !== null || this.#beginning !== null;
  }

  /** The view shows more, perhaps the place that it did not show before. */
  look() {
    if (this.#beginning !== null) this.#begin(this.#beginning);
    const place = this.#hidden;
    const entry = place === null ? undefined : this.#held(place);
    if (place === null || entry === undefined || this.#list.lines.find(entry) === undefined) return;
    this.#hidden = null;
    this.#show(entry, place);
  }

  /** Go nowhere any more. */
  cancel() {
    this.#hidden = null;
    this.#beginning = null;
    if (this.going !== null) this.#end("");
  }

  /** @param {{ time: Narrowing["time"], isHeld: boolean }} beginning */
  #begin({ time, isHeld }) {
    const isElsewhere = !this.#list.following || this.#view.narrowing.time !== time;
    const isSearched = !this.#view.onlyMatches || !this.#finder.busy; // what matches first may be found last
    if (isElsewhere || (isHeld && isSearched)) this.#beginning = null;
    if (!isElsewhere && this.#beginning === null) this.#steps.begin();
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
    if (matchMedia("(hover: none)").matches) return; // its tools would lie on what the reader came for, where a touch shows them
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
