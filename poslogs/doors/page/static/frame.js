/** The frame around the log: its menu, its tabs, and the buttons that stop it and lead to the newest entry. */
/** @import { Lines } from "./lines.js" @import { List } from "./list.js" @import { View } from "./view.js" */
import * as menu from "./menu.js";
import { place } from "./places.js";
import * as switches from "./switches.js";
import * as tabs from "./tabs.js";

/** Have it work for these rows. @param {Lines} lines @param {List} list */
export function install(lines, list) {
  menu.install();
  switches.install(({ fold }) => {
    lines.fold(fold);
    if (list.following) list.follow();
  });
  tabs.install();
}

/** Give a field the focus, which a small screen may have behind More. @param {string} id */
export function focus(id) {
  const field = place(id, HTMLElement);
  if (!field.checkVisibility()) menu.open(true);
  field.focus();
}

/** Offer the way to the newest entry, unless it is in view, and to go on after a pause. @param {List} list @param {View} view */
export function tell({ following, missed }, { paused, waiting }) {
  const jump = place("jump", HTMLButtonElement);
  jump.hidden = following && missed === 0;
  jump.textContent = missed > 0 ? `${missed.toLocaleString("en")} new, jump to live` : "Jump to live";
  jump.classList.toggle("new", missed > 0);
  const many = waiting > 0 ? ` (${waiting.toLocaleString("en")})` : "";
  place("pause", HTMLButtonElement).textContent = paused ? `Resume${many}` : "Pause";
}
