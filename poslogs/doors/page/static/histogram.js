/** The histogram: how many entries there are over time, and how many of them are errors. */
/** @import { Entry, Narrow, Narrowing } from "../types.d.ts" @import { Store } from "./store.js" */
import { axis, named } from "./axis.js";
import { choice, redraw } from "./bars.js";
import { Brush } from "./brush.js";
import { around, within } from "./places.js";
import { counted } from "./text.js";
import { clock, day, hour, named as zoneNamed } from "./zone.js";
import { element } from "./tree.js";

const MINUTE = 60_000; // milliseconds

/** How many entries there are in a time. @typedef {{ all: number, errors: number }} Slot */

/** Counts the entries of a store by the minute and draws them in columns. A click narrows: `onNarrow({time})`. */
export class Histogram {
  #store;
  #chart;
  #ticks;
  #note;
  /** @type {Map<number, Slot>} */
  #minutes = new Map(); // by their starts in ms
  /** @type {string | undefined} */
  #stop; // the column that Tab reaches: seventy stops would be in the keyboard's way

  /** @param {Store} store @param {HTMLElement} figure @param {Narrow} onNarrow */
  constructor(store, figure, onNarrow) {
    this.#store = store;
    this.#chart = within(figure, ".columns-chart", HTMLElement);
    this.#ticks = within(figure, ".ticks", HTMLElement);
    this.#note = within(figure, ".hint", HTMLElement);
    store.watch(this);
    this.#chart.addEventListener("click", (event) => {
      const narrow = around(event, "button")?.dataset.narrow;
      if (narrow !== undefined) onNarrow(JSON.parse(narrow));
    });
    new Brush(this.#chart, onNarrow);
    this.#chart.addEventListener("keydown", (event) => this.#move(event));
    this.#chart.addEventListener("focusin", (event) => this.#stopAt(around(event, "button")));
  }

  /** @param {Entry[]} entries */
  added(entries) {
    for (const entry of entries) this.#count(entry, 1);
  }

  /** @param {Entry[]} entries */
  left(entries) {
    for (const entry of entries) this.#count(entry, -1);
  }

  replaced() {
    this.#minutes.clear();
    this.added(this.#store.entries.slice());
  }

  /** @param {Entry} entry @param {number} by */
  #count(entry, by) {
    const minute = Math.floor(Date.parse(entry.timestamp) / MINUTE) * MINUTE;
    const slot = this.#minutes.get(minute) ?? { all: 0, errors: 0 };
    slot.all += by;
    if (entry.type === "error") slot.errors += by;
    if (slot.all > 0) this.#minutes.set(minute, slot);
    else this.#minutes.delete(minute);
  }

  /** Draw the columns; those within `pressed` are shown as pressed. @param {Narrowing["time"]} pressed */
  draw(pressed) {
    const minutes = [...this.#minutes.keys()];
    if (minutes.length === 0) {
      redraw(this.#chart, []);
      this.#ticks.replaceChildren();
      this.#note.textContent = "";
      return;
    }
    const newest = minutes.reduce((a, b) => Math.max(a, b));
    const { step, columns, ticks, begin } = axis(minutes.reduce((a, b) => Math.min(a, b)), newest);
    /** @type {Map<number, Slot>} */
    const slots = new Map();
    for (const [minute, { all, errors }] of this.#minutes) {
      const slot = slots.get(begin(minute)) ?? { all: 0, errors: 0 };
      slots.set(begin(minute), { all: slot.all + all, errors: slot.errors + errors });
    }
    const most = columns.reduce((found, at) => Math.max(found, slots.get(at)?.all ?? 0), 1);
    const isPressed = (/** @type {number} */ at) => pressed !== undefined && at + step > pressed.from && at < (pressed.to ?? Infinity);
    Object.assign(this.#chart.dataset, { from: String(columns[0]), step: String(step) });
    redraw(this.#chart, columns.map((at) => this.#column(at, step, slots.get(at), most, isPressed(at))));
    this.#stopAt(this.#chart.querySelector(`[data-narrow='${CSS.escape(this.#stop ?? "")}']`));
    this.#ticks.replaceChildren(...ticks.map((at, n) => {
      const isNewDay = n === 0 || day(at) !== day(ticks[n - 1]);
      const tick = element("span", "", "");
      tick.append(element("span", "", isNewDay ? clock(at) : hour(at)));
      tick.style.setProperty("--at", String((at - columns[0]) / step / columns.length));
      return tick;
    }));
    this.#note.textContent = `by ${named(step)}, ${clock(columns[0])} to ${clock(newest + MINUTE)} (${zoneNamed(newest)})`;
  }

  /**
   * @param {number} at @param {number} step @param {Slot | undefined} slot @param {number} most
   * @param {boolean} pressed
   */
  #column(at, step, slot, most, pressed) {
    if (slot === undefined) return element("span", pressed ? "gap pressed" : "gap", "");
    const column = choice(JSON.stringify({ time: { from: at, to: at + step } }), pressed, slot.errors > 0 ? "column failed" : "column");
    column.tabIndex = -1;
    column.style.setProperty("--share", String(slot.all / most));
    column.style.setProperty("--errors", String(slot.errors / slot.all));
    const errors = slot.errors > 0 ? `, ${counted(slot.errors, "error")}` : "";
    const text = `${clock(at)} ${counted(slot.all, "entry", "entries")}${errors}`;
    column.title = text;
    column.append(element("span", "unseen", text));
    return column;
  }

  /** Have Tab reach this column, else the newest. @param {Element | null} wanted */
  #stopAt(wanted) {
    const columns = this.#chart.querySelectorAll("button");
    const stop = wanted ?? columns[columns.length - 1];
    for (const column of columns) column.tabIndex = column === stop ? 0 : -1;
    if (wanted instanceof HTMLElement) this.#stop = wanted.dataset.narrow;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const now = around(event, "button");
    if (by === undefined || now === null) return;
    event.preventDefault();
    const columns = [...this.#chart.querySelectorAll("button")];
    columns[columns.findIndex((column) => column === now) + by]?.focus();
  }
}
