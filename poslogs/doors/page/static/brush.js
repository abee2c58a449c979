/** The brush: a time is chosen by a drag over the histogram, or by Shift and the arrow keys. */
/** @import { Narrow } from "../types.d.ts" */
import { around } from "./places.js";

export class Brush {
  #chart;
  #onNarrow;
  #begin = -1; // number of the column where the drag, or the choice by keys, began
  #end = -1;
  #dragged = false;

  /** `chart` has a child a column, and says by `data-from` and `data-step` (ms) which times they are. @param {HTMLElement} chart @param {Narrow} onNarrow */
  constructor(chart, onNarrow) {
    this.#chart = chart;
    this.#onNarrow = onNarrow;
    chart.addEventListener("pointerdown", (event) => this.#press(event));
    chart.addEventListener("pointermove", (event) => this.#drag(event));
    chart.addEventListener("pointerup", () => this.#release());
    chart.addEventListener("pointercancel", () => this.#reset());
    chart.addEventListener("click", (event) => this.#click(event), { capture: true });
    chart.addEventListener("keydown", (event) => this.#key(event), { capture: true });
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.#begin = this.#end = this.#column(event.clientX);
    this.#dragged = false;
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (this.#begin < 0 || (event.buttons & 1) === 0) return;
    this.#end = this.#column(event.clientX);
    if (this.#end === this.#begin && !this.#dragged) return;
    this.#dragged = true;
    this.#chart.setPointerCapture(event.pointerId);
    this.#show();
  }

  #release() {
    if (this.#dragged) this.#narrow();
    this.#show(false);
    this.#begin = -1;
  }

  #reset() {
    this.#show(false);
    this.#begin = -1;
    this.#dragged = false;
  }

  /** A drag ends with a click on what lies under it, which is not meant. @param {Event} event */
  #click(event) {
    if (this.#dragged) event.stopPropagation();
    this.#dragged = false;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const column = around(event, "button");
    if (by === undefined || column === null || !event.shiftKey) {
      if (event.key !== "Shift") this.#begin = -1;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (this.#begin < 0) this.#begin = this.#end = [...this.#chart.children].indexOf(column);
    this.#end = Math.min(this.#chart.childElementCount - 1, Math.max(0, this.#end + by));
    this.#narrow();
  }

  #narrow() {
    const { from, step } = this.#chart.dataset;
    const [first, last] = [Math.min(this.#begin, this.#end), Math.max(this.#begin, this.#end)];
    const [start, length] = [Number(from), Number(step)];
    this.#onNarrow({ time: { from: start + first * length, to: start + (last + 1) * length } });
  }

  /** Show what is chosen. */
  #show(on = true) {
    const [first, last] = [Math.min(this.#begin, this.#end), Math.max(this.#begin, this.#end)];
    [...this.#chart.children].forEach((column, n) => column.classList.toggle("chosen", on && n >= first && n <= last));
  }

  /** The number of the column at a place on the screen, in pixels. @param {number} x */
  #column(x) {
    const all = [...this.#chart.children].map((column) => column.getBoundingClientRect());
    const at = all.findIndex(({ right }) => x < right);
    return at < 0 ? all.length - 1 : at;
  }
}
