/** The charts: how many entries there are of each type, and in each hour, or minute when the span is short. */
import { counted } from "./text.js";
import { element } from "./tree.js";

const MINUTE = 60_000; // milliseconds
const HOUR = 60 * MINUTE;
const MOST_COLUMNS = 72;
const SHORT = (MOST_COLUMNS - 1) * MINUTE; // a span up to this is told by the minute
const TYPES = ["error", "warn", "info", "debug"];
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** Counts the entries of a store and draws the counts; a click narrows: `onNarrow({type})` or `onNarrow({time})`. */
export class Charts {
  #store;
  #types;
  #hours;
  #note;
  #byType = new Map();
  #byMinute = new Map(); // start in ms: {all, errors}

  constructor(store, typesFigure, hoursFigure, onNarrow) {
    this.#store = store;
    this.#types = typesFigure.querySelector(".bars");
    this.#hours = hoursFigure.querySelector(".columns-chart");
    this.#note = hoursFigure.querySelector(".hint");
    store.watch(this);
    for (const chart of [this.#types, this.#hours]) {
      chart.addEventListener("click", ({ target }) => {
        const button = target.closest("button");
        if (button !== null) onNarrow(JSON.parse(button.dataset.narrow));
      });
    }
  }

  added(entries) {
    for (const entry of entries) this.#count(entry, 1);
  }

  left(entries) {
    for (const entry of entries) this.#count(entry, -1);
  }

  replaced() {
    this.#byType.clear();
    this.#byMinute.clear();
    this.added(this.#store.entries.slice());
  }

  /** Draw what has been counted; the parts of `narrowing` are shown as pressed. */
  draw(narrowing) {
    this.#drawTypes(narrowing.type);
    this.#drawHours(narrowing.time);
  }

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

  #drawTypes(pressed) {
    const most = [...this.#byType.values()].reduce(greater, 1);
    const bars = TYPES.filter((type) => this.#byType.has(type)).map((type) => {
      const count = this.#byType.get(type);
      const bar = this.#button({ type }, type === pressed, `bar ${type}`);
      bar.append(element("span", "name", type), " ", element("span", "count", count.toLocaleString("en")));
      bar.style.setProperty("--share", count / most);
      bar.title = `Show only ${type}`;
      return bar;
    });
    redraw(this.#types, bars);
  }

  #drawHours(pressed) {
    const minutes = [...this.#byMinute.keys()];
    const [from, to] = minutes.length > 0 ? [minutes.reduce(lesser), minutes.reduce(greater)] : [0, 0];
    const step = to - from < SHORT ? MINUTE : HOUR;
    const begin = beginnings(to, step);
    const start = Math.max(begin(from), begin(to) - (MOST_COLUMNS - 1) * step);
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
        : `by the ${step === HOUR ? "hour" : "minute"}, ${day(start)}${CLOCK.format(start)} to ${CLOCK.format(to + MINUTE)}`;
  }

  #column(at, step, slot, most, pressed) {
    if (slot === undefined) return element("span", "gap", "");
    const column = this.#button({ time: { from: at, to: at + step } }, pressed, "column");
    column.style.setProperty("--share", slot.all / most);
    column.style.setProperty("--errors", slot.errors / slot.all);
    const errors = slot.errors > 0 ? `, ${counted(slot.errors, "error")}` : "";
    const told = `${day(at)}${CLOCK.format(at)} ${counted(slot.all, "entry", "entries")}${errors}`;
    column.title = told;
    column.append(element("span", "unseen", told));
    return column;
  }

  #button(narrowing, pressed, className) {
    const button = element("button", className, "");
    button.type = "button";
    button.dataset.narrow = JSON.stringify(narrowing);
    button.setAttribute("aria-pressed", String(pressed));
    return button;
  }
}

/** Put others in the place of a chart's buttons, unless one is being pressed; the keyboard stays where it is. */
export function redraw(chart, buttons) {
  if (chart.matches(":active")) return;
  const held = chart.contains(document.activeElement) ? document.activeElement.dataset.narrow : undefined;
  chart.replaceChildren(...buttons);
  if (held !== undefined) buttons.find((button) => button.dataset.narrow === held)?.focus({ preventScroll: true });
}

/**
 * Gives the beginning of the column that a moment falls into. All columns are equally long, and begin where clocks show a
 * full hour, or minute, at the time of `newest`: clocks that change by half an hour must not leave a moment without one.
 */
function beginnings(newest, step) {
  const shift = new Date(newest).getTimezoneOffset() * MINUTE;
  return (moment) => Math.floor((moment - shift) / step) * step + shift;
}

function day(moment) {
  return new Date(moment).toDateString() === new Date().toDateString() ? "" : `${DAY.format(moment)} `;
}

function lesser(a, b) {
  return Math.min(a, b);
}

function greater(a, b) {
  return Math.max(a, b);
}
