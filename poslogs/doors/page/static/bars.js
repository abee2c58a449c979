/** The bars: how many entries there are of each type. */
/** @import { Entry, Narrow } from "../types.d.ts" @import { Chosen } from "./chosen.js" */
import { around, within } from "./places.js";
import { element } from "./tree.js";

const TYPES = ["error", "warn", "info", "debug"];

/** Counts the entries of the chosen time by type. A click narrows: `onNarrow({type})`. */
export class Bars {
  #chosen;
  #box;
  /** @type {Map<string, number>} */
  #counts = new Map();

  /** @param {Chosen} chosen @param {HTMLElement} figure @param {Narrow} onNarrow */
  constructor(chosen, figure, onNarrow) {
    this.#chosen = chosen;
    this.#box = within(figure, ".bars", HTMLElement);
    chosen.watch(this);
    this.#box.addEventListener("click", (event) => {
      const type = around(event, "button")?.dataset.narrow;
      if (type !== undefined) onNarrow({ type });
    });
  }

  /** @param {Entry[]} entries */
  added(entries) {
    for (const { type } of entries) this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
  }

  /** @param {Entry[]} entries */
  left(entries) {
    for (const { type } of entries) {
      const count = (this.#counts.get(type) ?? 0) - 1;
      if (count > 0) this.#counts.set(type, count);
      else this.#counts.delete(type);
    }
  }

  replaced() {
    this.#counts.clear();
    this.added(this.#chosen.entries);
  }

  /** Draw the bars; that of the type `pressed` is shown as pressed. @param {string} [pressed] */
  draw(pressed) {
    const most = Math.max(1, ...this.#counts.values());
    const bars = TYPES.filter((type) => this.#counts.has(type)).map((type) => {
      const count = this.#counts.get(type) ?? 0;
      const bar = choice(type, type === pressed, `bar ${type}`);
      bar.append(element("span", "name", type), " ", element("span", "count", count.toLocaleString("en")));
      bar.style.setProperty("--share", String(count / most));
      bar.title = `Show only ${type}`;
      return bar;
    });
    redraw(this.#box, bars);
  }
}

/**
 * A button of a chart, which narrows to what `narrow` says.
 * @param {string} narrow @param {boolean} pressed @param {string} className
 */
export function choice(narrow, pressed, className) {
  const button = element("button", className, "");
  button.type = "button";
  button.dataset.narrow = narrow;
  button.setAttribute("aria-pressed", String(pressed));
  return button;
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
