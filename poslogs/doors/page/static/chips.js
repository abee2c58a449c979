/** The chips: what the view is narrowed to, each part of which a click takes away. */
/** @import { Narrow, Narrowing } from "../types.d.ts" */
import { redraw } from "./bars.js";
import { around } from "./places.js";
import { visible } from "./text.js";
import { clock } from "./zone.js";
import { element } from "./tree.js";

const MOST_CHARS = 80; // drawn of a kind of error

/** Draws chips into `box`. A click takes one away: `onNarrow({type: undefined})`, or all: `onNarrow(null)`. */
export class Chips {
  #box;

  /** @param {HTMLElement} box @param {Narrow} onNarrow */
  constructor(box, onNarrow) {
    this.#box = box;
    box.addEventListener("click", (event) => {
      const part = around(event, "button")?.dataset.narrow;
      if (part !== undefined) onNarrow(part === "" ? null : { [part]: undefined });
    });
  }

  /** @param {Narrowing} narrowing */
  draw(narrowing) {
    const said = told(narrowing);
    const chips = Object.entries(said).map(([part, text]) => button(part, text, `Narrowed to ${text}: remove`, "chip"));
    const all = chips.length > 0 ? [button("", "Show all", "", "all")] : [];
    if (this.#box.textContent !== [...chips, ...all].map(({ textContent }) => textContent).join("")) redraw(this.#box, [...chips, ...all]);
  }
}

/** A time that a log is narrowed to, in words. @param {NonNullable<Narrowing["time"]>} time */
export function period({ from, to }) {
  if (to === undefined) return `since ${clock(from)}`;
  return from === 0 ? `until ${clock(to)}` : `${clock(from)} to ${clock(to)}`;
}

/** What a log is narrowed to, in words, by part. @param {Narrowing} narrowing @returns {Record<string, string>} */
export function told({ type, path, group, time }) {
  const said = {
    type: type === undefined ? "" : `type ${type}`,
    path: path === undefined ? "" : visible(path),
    group: group === undefined ? "" : `errors like “${visible(group.slice(0, MOST_CHARS))}”`,
    time: time === undefined ? "" : period(time),
  };
  return Object.fromEntries(Object.entries(said).filter(([, text]) => text !== ""));
}

/** A text whose end, or of a path its beginning, may be cut; signs keep their order. @param {string} text */
function cuttable(text) {
  const made = element("span", "text", "");
  made.append(element("bdi", "", text));
  return made;
}

/** @param {string} part @param {string} text @param {string} label @param {string} className */
function button(part, text, label, className) {
  const made = element("button", className, text);
  made.type = "button";
  made.dataset.narrow = part;
  if (className === "chip") made.replaceChildren(cuttable(text), element("span", "cross", ""));
  if (label !== "") made.setAttribute("aria-label", label);
  made.title = label === "" ? "Show all entries again" : label;
  return made;
}
