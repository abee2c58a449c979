/** The overview: what stands around the log (charts, groups, how many are held), and what the view is narrowed to. */
/** @import { Narrow, Narrowing, Timer } from "../types.d.ts" */
/** @import { Store } from "./store.js" */
/** @import { View } from "./view.js" */
import { Charts } from "./charts.js";
import { Groups } from "./groups.js";
import { counted, visible } from "./text.js";

const AGE_MS = 10_000; // "last 3 s ago" is not told much longer than that
const DRAW_MS = 100; // what stands around the log is drawn at most once in this time

/**
 * Where it draws; `filter()` tells which one there is.
 * @typedef {{ byType: HTMLElement, byHour: HTMLElement, groups: HTMLElement, held: HTMLElement, nothing: HTMLElement,
 *   narrowed: HTMLElement, narrowedTo: HTMLElement, filter: () => string }} Boxes
 */

/** Draws the charts, the groups and what the view is narrowed to. */
export class Overview {
  #store;
  #view;
  #boxes;
  #charts;
  #groups;
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
    this.#charts = new Charts(store, boxes.byType, boxes.byHour, narrow);
    this.#groups = new Groups(store, boxes.groups, narrow);
    setInterval(() => this.drawSoon(), AGE_MS);
  }

  /**
   * Narrow the view to these parts too, or, when it is already, not any more; null shows all.
   * @param {Narrowing | null} parts
   */
  narrow(parts) {
    const now = JSON.stringify(this.#view.narrowing);
    const again = parts !== null && JSON.stringify({ ...this.#view.narrowing, ...parts }) === now;
    this.#view.narrow(again ? Object.fromEntries(Object.keys(parts).map((name) => [name, undefined])) : parts);
    const { type, path, group, time } = this.#view.narrowing;
    const said = [
      type && `type ${type}`,
      path && visible(path),
      group && `errors like “${visible(group.slice(0, 80))}”`,
      time && `${clock(time.from)} to ${clock(time.to)}`,
    ].filter(Boolean);
    this.#boxes.narrowed.hidden = said.length === 0;
    this.#boxes.narrowedTo.textContent = said.join(", ");
    this.#draw();
  }

  /** Something has changed. */
  drawSoon() {
    this.#due ??= setTimeout(() => this.#draw(), this.#drawn + DRAW_MS - performance.now());
  }

  #draw() {
    clearTimeout(this.#due);
    this.#due = undefined;
    this.#drawn = performance.now();
    this.#charts.draw(this.#view.narrowing);
    this.#groups.draw(this.#view.narrowing);
    const held = this.#store.entries.length;
    const shown = this.#view.shown.length;
    const left = this.#store.leftCount;
    const filter = this.#boxes.filter();
    this.#boxes.nothing.hidden = shown > 0;
    const nothing = filter === "" ? "Nothing yet." : `Nothing yet that the filter “${visible(filter)}” keeps.`;
    this.#boxes.nothing.textContent =
      held > 0 ? "Nothing of what has come is shown." : `${nothing} Entries appear here as they are written.`;
    this.#boxes.held.textContent =
      `${counted(held, "entry", "entries")} held` +
      (shown < held ? `, ${shown.toLocaleString("en")} shown` : "") +
      (left > 0 ? `. For want of room the oldest ${counted(left, "entry", "entries")} have left.` : "");
  }
}

/** @param {number} moment */
function clock(moment) {
  return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
