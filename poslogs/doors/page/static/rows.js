/** The rows: what a click or a key does to an entry in the log. */
import { placeOf } from "./diagnosis.js";
import { showWhole, unfold } from "./entry.js";

const SAID_MS = 1_500; // how long a button tells that it has done its work

export class Rows {
  #rows;
  #list;
  #pins;
  #finder;
  #env;
  #narrow;

  constructor(rows, list, { pins, finder, env, narrow }) {
    this.#rows = rows;
    this.#list = list;
    this.#pins = pins;
    this.#finder = finder;
    this.#env = env;
    this.#narrow = narrow;
    rows.addEventListener("click", (event) => this.#clicked(event.target));
    for (const [event, stop] of [["focusin", 0], ["focusout", -1]]) {
      rows.addEventListener(event, ({ target }) => {
        for (const button of target.closest("#rows > li").querySelectorAll("button[data-do]")) button.tabIndex = stop;
      });
    }
  }

  /** What keys do; each acts on the entry that has the focus, and moves begin at the newest. */
  get actions() {
    const here = (act) => () => this.#focused !== null && act(this.#focused);
    return {
      down: () => this.#move(1),
      up: () => this.#move(-1),
      first: () => this.#list.reveal(this.#list.first)?.focus(),
      unfold: here((row) => this.#act("unfold", row)),
      copy: here((row) => this.#act("copy", row)),
      pin: here((row) => this.#act("pin", row)),
      type: here((row) => this.#act("type", row)),
    };
  }

  /** An entry was pinned, or let go of. */
  pinned(id) {
    const pressed = String(this.#pins.has(this.#env(), id));
    this.#rows.querySelector(`[data-id="${CSS.escape(id)}"] .pin`)?.setAttribute("aria-pressed", pressed);
  }

  get #focused() {
    return document.activeElement?.closest("#rows > li") ?? null;
  }

  #move(by) {
    const from = this.#focused;
    const number = from === null ? this.#list.last : this.#list.slice.numberOf(from) + by;
    if (number >= this.#list.first && number <= this.#list.last) this.#list.show(number)?.focus({ preventScroll: true });
  }

  #clicked(target) {
    const row = target.closest("#rows > li");
    const button = target.closest("button[data-do]");
    if (row !== null && button !== null) this.#act(button.dataset.do, row);
  }

  #act(what, row) {
    const entry = this.#list.slice.entryOf(row);
    if (what === "type") this.#narrow({ type: entry.type });
    if (what === "path") this.#narrow({ path: placeOf(entry).path });
    if (what === "copy") copy(JSON.stringify(entry, null, 2), row.querySelector(".copy"));
    if (what === "pin") this.#pins.toggle(this.#env(), entry);
    if (what === "unfold") {
      this.#list.stay();
      unfold(row, entry);
      row.scrollIntoView({ block: "nearest" });
    }
    if (what === "whole") {
      this.#list.stay();
      showWhole(row, entry, this.#finder.ranges(entry));
    }
  }
}

/** Put a text into the clipboard, by the old way where a page over plain http has no other. */
async function copy(text, button) {
  let done = false;
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
  const name = button.getAttribute("aria-label");
  const tell = (text, label) => {
    button.textContent = text;
    button.setAttribute("aria-label", label);
  };
  tell(done ? "copied" : "not copied", done ? "Copied" : "Not copied");
  setTimeout(() => tell("copy", name), SAID_MS);
}
