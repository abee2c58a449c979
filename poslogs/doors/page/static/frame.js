/** The frame around the log: its menu, its tabs, and the button that leads to the newest entry. */
/** @import { List } from "./list.js" */
import * as menu from "./menu.js";
import { place } from "./places.js";
import * as switches from "./switches.js";
import * as tabs from "./tabs.js";

/** Have it work; `onChange()` is called when rows look different. @param {() => void} onChange */
export function install(onChange) {
  menu.install();
  switches.install(onChange);
  tabs.install();
}

/** Give a field the focus, which a small screen may have behind More. @param {string} id */
export function focus(id) {
  const field = place(id, HTMLElement);
  if (!field.checkVisibility()) menu.open(true);
  field.focus();
}

/** Offer the way to the newest entry, unless it is in view. @param {List} list */
export function offerJump({ following, missed }) {
  const jump = place("jump", HTMLButtonElement);
  jump.hidden = following && missed === 0;
  jump.textContent = missed > 0 ? `${missed.toLocaleString("en")} new, jump to live` : "Jump to live";
  jump.classList.toggle("new", missed > 0);
}
