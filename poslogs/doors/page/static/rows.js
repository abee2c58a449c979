/** The rows: what a click or a key does to an entry in the log. */
/** @import { Entry, Narrow } from "../types.d.ts" */
/** @import { Current } from "./current.js" */
/** @import { Finder } from "./finder.js" */
/** @import { List } from "./list.js" */
/** @import { Pins } from "./pins.js" */
import { placeOf } from "./diagnosis.js";
import { unfold } from "./entry.js";
import { showWhole } from "./message.js";
import { around, within } from "./places.js";
import { keyOf } from "./store.js";

const ROW = "#rows > li";
const SAID_MS = 1_500; // how long a button says that it has done its work

export class Rows {
  #rows;
  #list;
  #pins;
  #finder;
  #narrow;
  #current;
  #context;
  #open = new Set(); // keys of the entries whose data is shown

  /**
   * @param {HTMLElement} rows @param {List} list
   * @param {{ current: Current, pins: Pins, finder: Finder, narrow: Narrow, context: (entry: Entry) => void }} parts
   */
  constructor(rows, list, { current, pins, finder, narrow, context }) {
    this.#rows = rows;
    this.#list = list;
    this.#current = current;
    this.#context = context;
    this.#pins = pins;
    this.#finder = finder;
    this.#narrow = narrow;
    rows.addEventListener("click", (event) => this.#clicked(event));
    for (const [event, stop] of /** @type {[string, number][]} */ ([["focusin", 0], ["focusout", -1]])) {
      rows.addEventListener(event, (moved) => {
        /** @type {NodeListOf<HTMLElement> | undefined} */
        const buttons = around(moved, ROW)?.querySelectorAll("button[data-do]");
        for (const button of buttons ?? []) button.tabIndex = stop;
      });
    }
  }

  /** What keys do; each acts on the current entry, and moves begin at the newest where there is none. */
  get actions() {
    const here = (/** @type {(row: HTMLElement) => void} */ act) => () => {
      const number = this.#number;
      const row = number === undefined ? undefined : this.#list.slice.rowOf(number) ?? this.#list.reveal(number);
      if (row !== undefined) act(row);
    };
    return {
      down: () => this.#move(1),
      up: () => this.#move(-1),
      first: () => this.#list.reveal(this.#list.first)?.focus(),
      unfold: here((row) => this.#act(row.querySelector(".unfold") === null ? "whole" : "unfold", row)),
      copy: here((row) => this.#act("copy", row)),
      pin: here((row) => this.#act("pin", row)),
      context: here((row) => this.#act("context", row)),
      type: here((row) => this.#act("type", row)),
    };
  }

  /** An entry was pinned, or let go of. @param {string} env @param {string} id */
  pinned(env, id) {
    const pressed = String(this.#pins.has(env, id));
    const row = `[data-id="${CSS.escape(id)}"][data-env="${CSS.escape(env)}"]`;
    this.#rows.querySelector(`${row} .pin`)?.setAttribute("aria-pressed", pressed);
  }

  /** An element was made of an entry: it is open if it was before. @param {HTMLElement} row @param {Entry} entry */
  drew(row, entry) {
    if (this.#open.has(keyOf(entry))) unfold(row, entry);
  }

  /** The number of the current entry; undefined where there is none, or it is not shown. */
  get #number() {
    return this.#list.numberOf(this.#current.entry);
  }

  /** @param {number} by */
  #move(by) {
    const from = this.#number;
    const number = from === undefined ? this.#list.last : from + by;
    if (number >= this.#list.first && number <= this.#list.last) this.#list.show(number)?.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  #clicked(event) {
    const row = around(event, ROW);
    const what = around(event, "button[data-do]")?.dataset.do;
    if (row !== null && what !== undefined) this.#act(what, row);
  }

  /** @param {string} what @param {HTMLElement} row */
  #act(what, row) {
    const entry = this.#list.slice.entryOf(row);
    if (entry === undefined) return;
    if (what === "type") this.#narrow({ type: entry.type });
    if (what === "path") this.#narrow({ path: placeOf(entry).path });
    if (what === "copy") copy(JSON.stringify(entry, null, 2), within(row, ".copy", HTMLButtonElement));
    if (what === "context") this.#context(entry);
    if (what === "pin") this.#pins.toggle(entry);
    if (what === "unfold") {
      this.#list.stay();
      if (unfold(row, entry)) this.#open.add(keyOf(entry));
      else this.#open.delete(keyOf(entry));
      row.scrollIntoView({ block: "nearest" });
    }
    if (what === "whole") {
      this.#list.stay();
      showWhole(row, entry, this.#finder.ranges(entry));
      row.scrollIntoView({ block: "nearest" });
    }
  }
}

/**
 * Put a text into the clipboard, by the old way where a page over plain http has no other.
 * @param {string} text @param {HTMLButtonElement} button
 */
async function copy(text, button) {
  let done;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const name = button.getAttribute("aria-label") ?? "";
  const tell = (/** @type {string} */ word, /** @type {string} */ label) => {
    button.textContent = word;
    button.setAttribute("aria-label", label);
  };
  tell(done ? "copied" : "not copied", done ? "Copied" : "Not copied");
  setTimeout(() => tell("copy", name), SAID_MS);
}
