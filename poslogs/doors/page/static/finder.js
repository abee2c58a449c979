/** The finder: the search's controls, its marks in what is drawn, and the steps from match to match. */
/** @import { Entry, Ranges } from "../types.d.ts" */
/** @import { List } from "./list.js" @import { Steps } from "./steps.js" */
/** @import { Store } from "./store.js" */
/** @import { View } from "./view.js" */
import { textOf } from "./diagnosis.js";
import { mark } from "./message.js";
import { Search } from "./search.js";
import { isInside, remark } from "./unfolded.js";

/**
 * @typedef {{ search: HTMLInputElement, regex: HTMLInputElement, only: HTMLInputElement, found: HTMLElement }} Controls
 */

export class Finder {
  #search;
  #controls;
  /** @type {View | undefined} */
  #view;
  /** @type {List | undefined} */
  #list;
  /** @type {WeakMap<HTMLElement, Ranges | null>} */
  #marked = new WeakMap(); // what the drawn elements were marked with last
  #asked = false; // the reader wants to know how many match
  #due = 0; // a step to a match that was not found yet when it was asked for
  /** @type {Steps | undefined} */
  #steps;
  /** @type {(row: HTMLElement, entry: Entry) => void} */
  #open = () => {};

  /** The controls are elements: search, regex, only and found. @param {Controls} controls @param {Store} store */
  constructor(controls, store) {
    this.#controls = controls;
    this.#search = new Search({ textOf, onChange: () => this.#changed() });
    store.watch({
      added: (entries) => this.#search.add(entries),
      left: (entries) => this.#search.drop(entries),
      replaced: () => this.#search.reset(store.entries.slice()),
    });
  }

  /**
   * Have it step through a list at the click of two buttons, and filter its view.
   * `open(row, entry)` unfolds an entry's data.
   * @param {View} view @param {List} list @param {Steps} steps @param {(row: HTMLElement, entry: Entry) => void} open
   * @param {HTMLElement} previous @param {HTMLElement} next
   */
  attach(view, list, steps, open, previous, next) {
    const { search, regex, only } = this.#controls;
    this.#view = view;
    this.#list = list;
    this.#steps = steps;
    this.#open = open;
    search.addEventListener("input", () => this.#look());
    regex.addEventListener("change", () => this.#look());
    only.addEventListener("change", () => view.setOnlyMatches(only.checked && this.search !== ""));
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.step(event.shiftKey ? 1 : -1);
    });
    next.addEventListener("click", () => this.step(1));
    previous.addEventListener("click", () => this.step(-1));
  }

  get search() {
    return this.#controls.search.value;
  }

  get regex() {
    return this.#controls.regex.checked;
  }

  get only() {
    return this.#controls.only.checked;
  }

  /** @param {string} search @param {boolean} regex @param {boolean} only */
  set(search, regex, only) {
    const isSame = search === this.search && regex === this.regex;
    if (isSame && only === this.only) return;
    this.#controls.search.value = search;
    this.#controls.regex.checked = regex;
    this.#controls.only.checked = only;
    if (isSame) this.#view?.setOnlyMatches(only && search !== "");
    else this.#look();
  }

  /** Whether there are entries that nobody has looked at yet. */
  get busy() {
    return this.#search.busy;
  }

  /** @param {Entry} entry */
  matches(entry) {
    return this.#search.matches(entry);
  }

  /** @param {Entry} entry */
  ranges(entry) {
    return this.#search.ranges(entry);
  }

  /** Bring the next match (1) or the one before (-1) into view, and around at the ends. @param {number} by */
  step(by) {
    const found = this.#steps?.to(by, (entry) => this.matches(entry));
    this.#due = !found && this.#search.busy ? by : 0;
    if (!found) return;
    const { row, entry } = found;
    if (row && entry && isInside(entry, this.ranges(entry))) this.#open(row, entry);
    this.#tell(`${found.at.toLocaleString("en")} of `, "polite");
  }

  #look() {
    this.#asked = true;
    this.#due = 0;
    this.#search.set(this.search, { regex: this.regex });
    this.#view?.setOnlyMatches(this.#controls.only.checked && this.search !== "");
    this.#changed();
  }

  #changed() {
    if (this.#list === undefined || this.#view === undefined) return;
    for (const [row, entry] of this.#list.slice.drawn()) {
      const ranges = this.ranges(entry);
      if (this.#marked.get(row) !== ranges) {
        mark(row, entry, ranges);
        remark(row, entry, ranges);
      }
      this.#marked.set(row, ranges);
    }
    if (this.#view.onlyMatches) this.#view.find();
    this.#tell("", this.#asked && !this.#search.busy ? "polite" : "off"); // announced once, not with each new entry
    if (!this.#search.busy) this.#asked = false;
    if (this.#due !== 0) this.step(this.#due);
  }

  /** @param {string} where @param {string} live */
  #tell(where, live) {
    this.#controls.found.setAttribute("aria-live", live);
    const { count, busy, problem } = this.#search;
    const matches = `${where}${count.toLocaleString("en")} ${count === 1 ? "match" : "matches"}`;
    const told = this.search === "" ? "" : problem !== "" ? problem : busy ? `${matches} …` : matches;
    if (this.#controls.found.textContent !== told) this.#controls.found.textContent = told;
  }
}
