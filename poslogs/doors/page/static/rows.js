/** The rows: what a click or a key does to an entry in the log. */
/** @import { Entry, Narrow } from "../types.d.ts" */
/** @import { Current } from "./current.js" */
/** @import { Finder } from "./finder.js" */
/** @import { List } from "./list.js" */
/** @import { Pins } from "./pins.js" */
import { placeOf } from "./diagnosis.js";
import { copy } from "./clipboard.js";
import { text as plain } from "./download.js";
import { markdown } from "./markdown.js";
import { showWhole } from "./message.js";
import { around, place, within } from "./places.js";
import { keyOf } from "./store.js";
import { unfold } from "./unfolded.js";

const ROW = "#rows > li";

export class Rows {
  #rows;
  #list;
  #pins;
  #finder;
  #narrow;
  #current;
  #context;
  #linkTo;
  #ask;
  #open = new Set(); // keys of the entries whose data is shown
  /** @type {HTMLElement | null} */
  #touched = null; // the row that was clicked last, which a touch gives a line for its tools

  /**
   * @param {HTMLElement} rows @param {List} list
   * @param {{ current: Current, pins: Pins, finder: Finder, narrow: Narrow, context: (entry: Entry) => void,
   *   linkTo: (entry: Entry) => string, ask: (term: string) => void }} parts
   */
  constructor(rows, list, { current, pins, finder, narrow, context, linkTo, ask }) {
    this.#rows = rows;
    this.#list = list;
    this.#current = current;
    this.#context = context;
    this.#linkTo = linkTo;
    this.#ask = ask;
    this.#pins = pins;
    this.#finder = finder;
    this.#narrow = narrow;
    rows.addEventListener("click", (event) => this.#clicked(event));
    for (const [event, stop] of /** @type {[string, number][]} */ ([["focusin", 0], ["focusout", -1]])) {
      rows.addEventListener(event, (moved) => {
        /** @type {NodeListOf<HTMLElement> | undefined} */
        const buttons = around(moved, ROW)?.querySelectorAll("[data-do]");
        for (const button of buttons ?? []) button.tabIndex = stop;
      });
    }
  }

  /** What keys do; each acts on the current entry, and moves begin at the newest where there is none. */
  get actions() {
    const here = (/** @type {(row: HTMLElement) => void} */ act) => () => {
      const line = this.#line;
      const row = line === undefined ? undefined : this.#list.slice.rowOf(line) ?? this.#list.reveal(line);
      if (row !== undefined) act(row);
    };
    return {
      down: () => this.#move(1),
      up: () => this.#move(-1),
      first: () => this.#list.reveal(this.#list.lines.first)?.focus(),
      unfold: here((row) => this.#act(row.querySelector(".unfold") === null ? "whole" : "unfold", row)),
      copy: here((row) => this.#act("copy", row)),
      link: here((row) => this.#act("link", row)),
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
    if (this.#open.has(keyOf(entry))) unfold(row, entry, this.#finder.ranges(entry));
  }

  /** Unfold the data of an entry, unless it is. @param {HTMLElement} row @param {Entry} entry */
  open(row, entry) {
    if (this.#open.has(keyOf(entry)) || !unfold(row, entry, this.#finder.ranges(entry))) return;
    this.#open.add(keyOf(entry));
    row.scrollIntoView({ block: "nearest" });
  }

  /** The line of the current entry; undefined where there is none, or it is not shown. */
  get #line() {
    return this.#list.lines.find(this.#current.entry);
  }

  /** @param {number} by */
  #move(by) {
    const from = this.#line;
    const { first, end } = this.#list.lines;
    const line = from === undefined ? end - 1 : from + by;
    if (line >= first && line < end) this.#list.show(line)?.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  #clicked(event) {
    const row = around(event, ROW);
    const button = around(event, "[data-do]");
    const { do: what, text = "" } = button?.dataset ?? {};
    if (row !== null) this.#touch(row); // not at its beginning: what moves under a finger gets no click
    if (what === "value" && button instanceof HTMLButtonElement) copy(text, button);
    else if (what === "only" || what === "not") this.#ask(text);
    else if (row !== null && what !== undefined) this.#act(what, row);
  }

  /** @param {HTMLElement} row */
  #touch(row) {
    this.#touched?.classList.remove("touched");
    this.#touched = row;
    row.classList.add("touched");
  }

  /** Whether the data of an entry is shown. @param {Entry} entry */
  isOpen(entry) {
    return this.#open.size > 0 && this.#open.has(keyOf(entry));
  }

  /** Show each entry of a streak, or only the first again. @param {Entry} first */
  #unfoldStreak(first) {
    const { lines } = this.#list;
    const line = lines.find(first);
    if (line === undefined) return;
    this.#current.set(first);
    if (!lines.streakAt(line)?.open) this.#list.stay();
    for (const entry of lines.toggle(line)) this.#open.delete(keyOf(entry));
  }

  /** @param {string} what @param {HTMLElement} row */
  #act(what, row) {
    const entry = this.#list.slice.entryOf(row);
    if (entry === undefined) return;
    if (what === "type") this.#narrow({ type: entry.type });
    if (what === "path") this.#narrow({ path: placeOf(entry).path });
    if (what === "copy") copy(copied(entry), within(row, ".copy", HTMLButtonElement));
    if (what === "link") copy(this.#linkTo(entry), within(row, ".link", HTMLButtonElement), "not copied: the address has it");
    if (what === "context") this.#context(entry);
    if (what === "pin") this.#pins.toggle(entry);
    if (what === "streak") this.#unfoldStreak(entry);
    if (what === "unfold") {
      this.#list.stay();
      if (unfold(row, entry, this.#finder.ranges(entry))) this.#open.add(keyOf(entry));
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

/** An entry in the form in which the reader wants to copy it. @param {Entry} entry */
function copied(entry) {
  const form = place("copy-as", HTMLSelectElement).value;
  if (form === "Markdown") return markdown(entry);
  return form === "Text" ? plain([entry], entry.env)[0].trimEnd() : JSON.stringify(entry, null, 2);
}
