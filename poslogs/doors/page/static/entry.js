/** An entry as an element of the log. */
/** @import { Entry, Ranges } from "../types.d.ts" */
import { badge } from "./badge.js";
import { placeOf, stackOf, told } from "./diagnosis.js";
import { mark } from "./message.js";
import { isEmpty } from "./store.js";
import { visible } from "./text.js";
import { element } from "./tree.js";
import { time } from "./zone.js";

const MOST_STEPS = 20; // of a path, after which it may break

/**
 * The element of an entry. Its buttons say by `data-do` what they are for: type, path, context, copy, link, pin, unfold, whole.
 * `ranges` are the places in `textOf(entry)` that a search has found, or null; `amid`: there are other environments.
 * @param {Entry} entry @param {{ ranges?: Ranges | null, pinned?: boolean, amid?: boolean }} [how]
 */
export function draw(entry, { ranges = null, pinned = false, amid = false } = {}) {
  const row = element("li", `entry ${entry.type}`, "");
  row.dataset.id = entry.id;
  row.dataset.env = entry.env;
  row.dataset.type = entry.type;
  row.tabIndex = -1;
  const said = `entry ${entry.id}${amid ? ` of ${visible(entry.env)}` : ""}`;
  const head = element("span", "head", "");
  const data = isEmpty(entry.data) ? element("span", "no-data", "") : named(button("unfold", "", ""), `Details of ${said}`, "expanded");
  head.append(data, time(entry.timestamp), " ", button("type", entry.type, `Show only ${entry.type}`));
  const body = element("span", "body", "");
  if (amid) body.append(badge(entry.env), " ");
  if (!["", entry.type].includes(entry.error_type.toLowerCase())) body.append(element("span", "kind", visible(entry.error_type)), " ");
  const place = placeOf(entry);
  if (place.path !== "") {
    body.append(inline("path", told(place), "Show only entries from here"), stackOf(entry).length > 0 ? ": " : " ");
  }
  body.append(element("span", "message", ""));
  const tools = element("span", "tools", "");
  tools.append(
    named(button("context", "context", ""), `Show in context: ${said}`),
    named(button("copy", "copy", ""), `Copy ${said}`),
    named(button("pin", "pin", ""), `Pin ${said}`, "pressed", pinned),
    named(button("link", "link", ""), `Copy link to ${said}`),
  );
  const lead = element("div", "lead", "");
  lead.append(head, " ", body, tools);
  row.append(lead);
  mark(row, entry, ranges);
  return row;
}

/** @param {string} act @param {string} text @param {string} title */
function button(act, text, title) {
  const made = element("button", act, text);
  made.type = "button";
  return acting(made, act, title);
}

/** A button that breaks as the text does that it stands in, which a `<button>` never does. @param {string} act @param {string} text @param {string} title */
function inline(act, text, title) {
  const made = element("span", act, "");
  const steps = text.split(/(?<=\/)/, MOST_STEPS); // browsers would break it anywhere, or not at all
  steps.push(text.slice(steps.join("").length));
  made.append(...steps.filter((step) => step !== "").flatMap((step) => [document.createElement("wbr"), step]).slice(1)); // none after the last: a colon follows
  made.setAttribute("role", "button");
  return acting(made, act, title);
}

/** @param {HTMLElement} made @param {string} act @param {string} title */
function acting(made, act, title) {
  made.dataset.do = act;
  made.tabIndex = -1; // until its row has the focus: thousands of stops would be in the keyboard's way
  made.title = title;
  return made;
}

/** @param {HTMLElement} made @param {string} name @param {string} [state] */
function named(made, name, state, on = false) {
  made.setAttribute("aria-label", name);
  made.title = name;
  if (state !== undefined) made.setAttribute(`aria-${state}`, String(on));
  return made;
}
