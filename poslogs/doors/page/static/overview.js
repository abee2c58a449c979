/** The overview: what surrounds the log (histogram, bars, groups, the number of entries held), and what the view is narrowed to. */
/** @import { Narrow, Narrowing, Timer } from "../types.d.ts" */
/** @import { Store } from "./store.js" */
/** @import { View } from "./view.js" */
import { Bars } from "./bars.js";
import { Chips, period } from "./chips.js";
import { Chosen } from "./chosen.js";
import { Groups } from "./groups.js";
import { Histogram } from "./histogram.js";
import * as empty from "./empty.js";
import { within } from "./places.js";
import { counted } from "./text.js";

const AGE_MS = 10_000; // how old a text such as "last 3 s ago" may get
const DRAW_MS = 100; // the overview is drawn at most once in this time

/**
 * Where it draws. `filter()` returns the filter that is set, `watched()` the environments,
 * `cleared()` whether the reader has cleared the log. `onNarrow(isTime)` is called when
 * the reader has narrowed the view; `isTime`: to a time that ends.
 * @typedef {{ byType: HTMLElement, byHour: HTMLElement, groups: HTMLElement, held: HTMLElement, nothing: HTMLElement,
 *   narrowed: HTMLElement, filter: () => string, watched: () => string, cleared: () => boolean,
 *   onNarrow: (isTime: boolean) => void }} Boxes
 */

/** Draws the histogram, the bars, the groups and what the view is narrowed to. */
export class Overview {
  #store;
  #view;
  #boxes;
  #chips;
  #bars;
  #histogram;
  #groups;
  #chosen;
  /** @type {Timer | undefined} */
  #due; // the timer that draws
  #drawn = -Infinity;

  /** @param {Store} store @param {View} view @param {Boxes} boxes */
  constructor(store, view, boxes) {
    this.#store = store;
    this.#view = view;
    this.#boxes = boxes;
    /** @type {Narrow} */
    const narrow = (parts) => this.narrow(parts);
    this.#chips = new Chips(boxes.narrowed, narrow);
    this.#chosen = new Chosen(store);
    this.#bars = new Bars(this.#chosen, boxes.byType, narrow);
    this.#histogram = new Histogram(store, boxes.byHour, narrow);
    this.#groups = new Groups(this.#chosen, within(boxes.groups, ".list", HTMLElement), narrow);
    setInterval(() => this.drawSoon(), AGE_MS);
  }

  /**
   * Narrows the view to these parts too. If it already is narrowed to them, undoes that. null shows all entries.
   * @param {Narrowing | null} parts
   */
  narrow(parts) {
    const now = JSON.stringify(this.#view.narrowing);
    const again = parts !== null && JSON.stringify({ ...this.#view.narrowing, ...parts }) === now;
    this.#view.narrow(again ? Object.fromEntries(Object.keys(parts).map((name) => [name, undefined])) : parts);
    this.#draw();
    this.#boxes.onNarrow(!again && parts?.time?.to !== undefined);
  }

  /** Narrows the view to exactly these parts, as a step of the reader's. @param {Narrowing} narrowing */
  show(narrowing) {
    this.set(narrowing);
    this.#boxes.onNarrow(false);
  }

  /** Narrows the view to exactly these parts. @param {Narrowing} narrowing */
  set(narrowing) {
    this.#view.set(narrowing);
    this.#draw();
  }

  /** Draws soon, since something has changed. */
  drawSoon() {
    this.#due ??= setTimeout(() => this.#draw(), this.#drawn + DRAW_MS - performance.now());
  }

  #draw() {
    clearTimeout(this.#due);
    this.#due = undefined;
    this.#drawn = performance.now();
    const { narrowing } = this.#view;
    this.#chips.draw(narrowing);
    this.#chosen.choose(narrowing.time);
    for (const box of [this.#boxes.byType, this.#boxes.groups]) {
      const hint = within(box, ".hint", HTMLElement);
      const counts = narrowing.time === undefined ? "" : period(narrowing.time);
      if (hint.textContent !== counts) hint.textContent = counts;
    }
    this.#bars.draw(narrowing.type);
    this.#histogram.draw(narrowing.time);
    this.#groups.draw(narrowing);
    const held = this.#store.entries.length;
    const shown = this.#view.shown.length;
    const left = this.#store.leftCount;
    const filter = this.#boxes.filter();
    this.#boxes.nothing.hidden = shown > 0;
    if (shown === 0) empty.tell(this.#boxes.nothing, { label: this.#boxes.watched(), filter, held, cleared: this.#boxes.cleared() });
    this.#boxes.held.textContent =
      `${counted(held, "entry", "entries")} held` +
      (shown < held ? `, ${shown.toLocaleString("en")} shown` : "") +
      (left > 0 ? `. The oldest ${counted(left, "entry", "entries")} were dropped to make room.` : "");
  }
}
