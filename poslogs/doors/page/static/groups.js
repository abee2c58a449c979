/** The groups: errors that differ only in numbers, ids and quoted values. */
/** @import { Entry, Narrow, Narrowing } from "../types.d.ts" @import { Chosen } from "./chosen.js" */
import { redraw } from "./bars.js";
import { now } from "./clock.js";
import { fingerprint } from "./fingerprint.js";
import { kindOf } from "./kind.js";
import { around } from "./places.js";
import { counted, visible } from "./text.js";
import { element } from "./tree.js";

const MOST_GROUPS = 1_000; // counted; errors beyond them are still in the charts
const MOST_DRAWN = 20;
const MOST_CHARS = 300; // drawn of a fingerprint
const READ_CHARS = 500; // of a message, for its first line

/** The kind of an error; undefined for what is none. @param {Entry} entry */
export function groupOf(entry) {
  return entry.type === "error" ? kindOf(entry) : undefined;
}

/** Groups the errors of the chosen time and draws the most frequent; a click narrows to one: `onNarrow({group})`. */
export class Groups {
  #chosen;
  #list;
  /** @type {Map<string, { count: number, last: string, said: string }>} */
  #groups = new Map(); // by fingerprint

  /** @param {Chosen} chosen @param {HTMLElement} list @param {Narrow} onNarrow */
  constructor(chosen, list, onNarrow) {
    this.#chosen = chosen;
    this.#list = list;
    chosen.watch(this);
    list.addEventListener("click", (event) => {
      const button = around(event, "button");
      if (button !== null) onNarrow({ group: button.dataset.narrow });
    });
  }

  /** @param {Entry[]} entries */
  added(entries) {
    for (const entry of entries) {
      const key = groupOf(entry);
      if (key === undefined) continue;
      const { message, timestamp } = entry;
      const group = this.#groups.get(key);
      if (group !== undefined) {
        group.count += 1;
        if (timestamp > group.last) group.last = timestamp;
      } else if (this.#groups.size < MOST_GROUPS) {
        this.#groups.set(key, { count: 1, last: timestamp, said: fingerprint(firstLine(message)) });
      }
    }
  }

  /** @param {Entry[]} entries */
  left(entries) {
    for (const entry of entries) {
      const key = groupOf(entry);
      const group = key === undefined ? undefined : this.#groups.get(key);
      if (key !== undefined && group !== undefined && --group.count <= 0) this.#groups.delete(key);
    }
  }

  replaced() {
    this.#groups.clear();
    this.added(this.#chosen.entries);
  }

  /** Draw the groups; the one that the view is narrowed to is shown as pressed. @param {Narrowing} narrowing */
  draw({ group: pressed }) {
    const most = [...this.#groups].sort(([, a], [, b]) => b.count - a.count || (a.last < b.last ? 1 : -1));
    const moment = now();
    const items = most.slice(0, MOST_DRAWN).map(([key, { count, last, said }]) => {
      const button = element("button", "group", "");
      button.type = "button";
      button.dataset.narrow = key;
      button.setAttribute("aria-pressed", String(key === pressed));
      button.append(
        element("span", "count", `${count.toLocaleString("en")}×`),
        " ",
        element("span", "fingerprint", visible(said.slice(0, MOST_CHARS)) || "(no message)"),
        " ",
        element("span", "hint", `last ${ago(moment - Date.parse(last))}`),
      );
      return button;
    });
    redraw(this.#list, items);
  }
}

/** The first line of a message that says something. @param {string} message */
function firstLine(message) {
  return /[^\r\n]*\S[^\r\n]*/.exec(message.slice(0, READ_CHARS))?.[0] ?? "";
}

/** A time that has passed, in milliseconds, as people say it: `3 s ago`. @param {number} passed */
export function ago(passed) {
  const seconds = Math.max(0, Math.round(passed / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${counted(Math.floor(seconds / 86_400), "day")} ago`;
}
