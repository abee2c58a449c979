/** The pins: entries that this tab keeps after they have left the log. */
/** @import { Entry } from "../types.d.ts" */
import { copy } from "./clipboard.js";
import { bodyOf } from "./diagnosis.js";
import { report } from "./markdown.js";
import { around, within } from "./places.js";
import * as storage from "./storage.js";
import { show } from "./tabs.js";
import { visible } from "./text.js";
import { element } from "./tree.js";
import { time } from "./zone.js";

const MOST_PINS = 100;
const MOST_CHARS = 1_000_000; // kept of all; what a tab may store is not much more
const MOST_DRAWN = 2_000; // characters of each
const KEY = "poslogs.pins";

/** Keeps pinned entries over a reload, and draws them into `section`. `onChange(env, id)` gets the one that changed. */
export class Pins {
  /** @type {{ env: string, entry: Entry }[]} */
  #pins = []; // newest last
  #section;
  #onChange;

  /**
   * `onShow(entry)` is called to show one in the log.
   * @param {HTMLElement} section @param {(env: string, id: string) => void} onChange @param {(entry: Entry) => void} onShow
   */
  constructor(section, onChange, onShow) {
    this.#section = section;
    this.#onChange = onChange;
    try {
      this.#pins = JSON.parse(storage.get(KEY) ?? "[]");
    } catch {
      this.#pins = []; // not ours
    }
    section.addEventListener("click", (event) => {
      const { env, id, go } = around(event, "button")?.dataset ?? {};
      const pin = this.#pins.find((each) => each.env === env && each.entry.id === id);
      if (pin !== undefined && go === undefined) this.toggle(pin.entry);
      if (pin === undefined || go === undefined) return;
      show("log");
      onShow(pin.entry);
    });
    const button = within(section, "#report", HTMLButtonElement);
    button.addEventListener("click", () => copy(report("Pinned entries", this.#pins.map(({ entry }) => entry)), button));
    this.#draw();
  }

  /** @param {string} env @param {string} id */
  has(env, id) {
    return this.#pins.some((pin) => pin.env === env && pin.entry.id === id);
  }

  /**
   * Pin an entry, or let go of it; the oldest pins leave when there are too many. Returns whether it is pinned now.
   * @param {Entry} entry
   */
  toggle(entry) {
    const { env } = entry;
    const on = !this.has(env, entry.id);
    this.#pins = this.#pins.filter((pin) => pin.env !== env || pin.entry.id !== entry.id);
    if (on) this.#pins.push({ env, entry });
    while (this.#pins.length > MOST_PINS || (this.#pins.length > 1 && JSON.stringify(this.#pins).length > MOST_CHARS)) {
      this.#pins.shift();
    }
    try {
      storage.set(KEY, JSON.stringify(this.#pins));
    } catch {
      // the tab has no room: the pin lasts as long as the page
    }
    this.#draw();
    this.#onChange(env, entry.id);
    return on;
  }

  /** Let go of all. */
  clear() {
    this.#pins = [];
    storage.remove(KEY);
    this.#draw();
  }

  #draw() {
    this.#section.hidden = this.#pins.length === 0;
    const isDouble = (/** @type {Entry} */ { id }) => this.#pins.filter((pin) => pin.entry.id === id).length > 1;
    const items = this.#pins.map(({ env, entry }) => {
      const item = element("li", `entry ${entry.type}`, "");
      const unpin = element("button", "pin", "unpin");
      unpin.type = "button";
      unpin.dataset.env = env;
      unpin.dataset.id = entry.id;
      unpin.setAttribute("aria-label", `Unpin entry ${entry.id}${isDouble(entry) ? ` of ${visible(env)}` : ""}`);
      const head = element("div", "head", "");
      head.append(time(entry.timestamp, true), element("span", "type", entry.type), element("span", "hint", visible(env)));
      const go = element("button", "message", bodyOf(entry, MOST_DRAWN));
      go.type = "button";
      Object.assign(go.dataset, { env, id: entry.id, go: "" });
      go.title = "Show it in the log";
      item.append(head, go, unpin);
      return item;
    });
    within(this.#section, "ol", HTMLOListElement).replaceChildren(...items);
  }
}
