/** The charts: the number of entries of each type, and of each hour, or of each minute if the span is short. */
/** @import { Entry, Narrow, Narrowing } from "../types.d.ts" @import { Store } from "./store.js" */
import { clock, counted } from "./text.js";
import { around, within } from "./places.js";
import { element } from "./tree.js";

const MINUTE = 60_000; // milliseconds
const HOUR = 60 * MINUTE;
const MOST_COLUMNS = 72;
const SHORT = (MOST_COLUMNS - 1) * MINUTE; // up to this span a column is a minute
const TYPES = ["error", "warn", "info", "debug"];

/** How many entries there are in a time. @typedef {{ all: number, errors: number }} Slot */

/** Counts the entries of a store and draws the counts; a click narrows: `onNarrow({type})` or `onNarrow({time})`. */
export class Charts {
  #store;
  #types;
  #hours;
  #note;
  /** @type {Map<string, number>} */
  #byType = new Map();
  /** @type {Map<number, Slot>} */
  #byMinute = new Map(); // by their starts in ms

  /** @param {Store} store @param {HTMLElement} typesFigure @param {HTMLElement} hoursFigure @param {Narrow} onNarrow */
  constructor(store, typesFigure, hoursFigure, onNarrow) {
    this.#store = store;
    this.#types = within(typesFigure, ".bars", HTMLElement);
    this.#hours = within(hoursFigure, ".columns-chart", HTMLElement);
    this.#note = within(hoursFigure, ".hint", HTMLElement);
    store.watch(this);
    for (const chart of [this.#types, this.#hours]) {
      chart.addEventListener("click", (event) => {
        const narrowing = around(event, "button")?.dataset.narrow;
        if (narrowing !== undefined) onNarrow(JSON.parse(narrowing));
      });
    }
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
    this.#byType.clear();
    this.#byMinute.clear();
    this.added(this.#store.entries.slice());
  }

  /** Draw what has been counted; the parts of `narrowing` are shown as pressed. @param {Narrowing} narrowing */
  draw(narrowing) {
    this.#drawTypes(narrowing.type);
    this.#drawHours(narrowing.time);
  }

  /** @param {Entry} entry @param {number} by */
  #count(entry, by) {
    const count = (this.#byType.get(entry.type) ?? 0) + by;
    if (count > 0) this.#byType.set(entry.type, count);
    else this.#byType.delete(entry.type);
    const minute = Math.floor(Date.parse(entry.timestamp) / MINUTE) * MINUTE;
    const slot = this.#byMinute.get(minute) ?? { all: 0, errors: 0 };
    slot.all += by;
    if (entry.type === "error") slot.errors += by;
    if (slot.all > 0) this.#byMinute.set(minute, slot);
    else this.#byMinute.delete(minute);
  }

  /** @param {string} [pressed] */
  #drawTypes(pressed) {
    const most = [...this.#byType.values()].reduce(greater, 1);
    const bars = TYPES.filter((type) => this.#byType.has(type)).map((type) => {
      const count = this.#byType.get(type) ?? 0;
      const bar = this.#button({ type }, type === pressed, `bar ${type}`);
      bar.append(element("span", "name", type), " ", element("span", "count", count.toLocaleString("en")));
      bar.style.setProperty("--share", String(count / most));
      bar.title = `Show only ${type}`;
      return bar;
    });
    redraw(this.#types, bars);
  }

  /** @param {Narrowing["time"]} pressed */
  #drawHours(pressed) {
    const minutes = [...this.#byMinute.keys()];
    const [from, to] = minutes.length > 0 ? [minutes.reduce(lesser), minutes.reduce(greater)] : [0, 0];
    const step = to - from < SHORT ? MINUTE : HOUR;
    const begin = beginnings(to, step);
    const start = Math.max(begin(from), begin(to) - (MOST_COLUMNS - 1) * step);
    /** @type {Map<number, Slot>} */
    const slots = new Map();
    for (const [minute, { all, errors }] of this.#byMinute) {
      const slot = slots.get(begin(minute)) ?? { all: 0, errors: 0 };
      slots.set(begin(minute), { all: slot.all + all, errors: slot.errors + errors });
    }
    const most = [...slots.values()].reduce((found, { all }) => Math.max(found, all), 1);
    const columns = [];
    for (let at = start; minutes.length > 0 && at <= to; at += step) {
      columns.push(this.#column(at, step, slots.get(at), most, pressed?.from === at));
    }
    redraw(this.#hours, columns);
    this.#note.textContent =
      minutes.length === 0
        ? ""
        : `by ${step === HOUR ? "hour" : "minute"}, ${clock(start)} to ${clock(to + MINUTE)}`;
  }

  /**
   * @param {number} at @param {number} step @param {Slot | undefined} slot @param {number} most
   * @param {boolean} pressed
   */
  #column(at, step, slot, most, pressed) {
    if (slot === undefined) return element("span", "gap", "");
    const column = this.#button({ time: { from: at, to: at + step } }, pressed, "column");
    column.style.setProperty("--share", String(slot.all / most));
    column.style.setProperty("--errors", String(slot.errors / slot.all));
    const errors = slot.errors > 0 ? `, ${counted(slot.errors, "error")}` : "";
    const text = `${clock(at)} ${counted(slot.all, "entry", "entries")}${errors}`;
    column.title = text;
    column.append(element("span", "unseen", text));
    return column;
  }

  /** @param {Narrowing} narrowing @param {boolean} pressed @param {string} className */
  #button(narrowing, pressed, className) {
    const button = element("button", className, "");
    button.type = "button";
    button.dataset.narrow = JSON.stringify(narrowing);
    button.setAttribute("aria-pressed", String(pressed));
    return button;
  }
}

/**
 * Replaces a chart's buttons, unless one is being pressed. The keyboard's focus stays where it is.
 * @param {HTMLElement} chart @param {HTMLElement[]} buttons
 */
export function redraw(chart, buttons) {
  if (chart.matches(":active")) return;
  const focused = document.activeElement;
  const held = focused instanceof HTMLElement && chart.contains(focused) ? focused.dataset.narrow : undefined;
  chart.replaceChildren(...buttons);
  if (held !== undefined) buttons.find((button) => button.dataset.narrow === held)?.focus({ preventScroll: true });
}

/**
 * Returns a function that gives the start of the column of a moment. All columns are equally long. They start where clocks
 * show a full hour, or minute, at `newest`: each moment needs a column, even if clocks change by half an hour.
 * @param {number} newest @param {number} step
 */
function beginnings(newest, step) {
  const shift = new Date(newest).getTimezoneOffset() * MINUTE;
  return (/** @type {number} */ moment) => Math.floor((moment - shift) / step) * step + shift;
}

/** @param {number} a @param {number} b */
function lesser(a, b) {
  return Math.min(a, b);
}

/** @param {number} a @param {number} b */
function greater(a, b) {
  return Math.max(a, b);
}
