/** The frame around the log: its menu, its tabs, and the buttons that stop it and lead to the newest entry. */
/** @import { Lines } from "./lines.js" @import { List } from "./list.js" @import { View } from "./view.js" */
import { now } from "./clock.js";
import * as menu from "./menu.js";
import { ends } from "./narrowing.js";
import { place, within } from "./places.js";
import * as switches from "./switches.js";
import * as tabs from "./tabs.js";
import { clock } from "./zone.js";

const SMALL = "(max-width: 860px), (max-height: 500px)"; // as the style sheets have it

/** Have it work for these rows. @param {Lines} lines @param {List} list */
export function install(lines, list) {
  menu.install();
  switches.install(({ fold }) => {
    lines.fold(fold);
    if (list.following) list.follow();
  });
  tabs.install();
  const search = place("search", HTMLInputElement);
  const whole = search.placeholder;
  const small = matchMedia(SMALL);
  const hint = () => { search.placeholder = small.matches ? "Search" : whole; }; // its field is short there
  small.addEventListener("change", hint);
  hint();
}

/** Give a field the focus, which a small screen may have behind More. @param {string} id */
export function focus(id) {
  const field = place(id, HTMLElement);
  if (!field.checkVisibility()) menu.open(true);
  field.focus();
}

/** Offer the way to the newest entry, unless it is in view, and to go on after a pause; say where a chosen time ends. @param {List} list @param {View} view */
export function tell({ following, missed, slice, lines }, { narrowing, paused, waiting }) {
  const jump = place("jump", HTMLButtonElement);
  jump.hidden = following && missed === 0;
  jump.textContent = missed > 0 ? `${missed.toLocaleString("en")} new, jump to live` : "Jump to live";
  jump.title = ends(narrowing) ? "Leave the chosen time, go to the newest entry, and follow" : "Go to the newest entry, and follow (G)";
  jump.classList.toggle("new", missed > 0);
  const many = waiting > 0 ? ` (${waiting.toLocaleString("en")})` : "";
  const pause = place("pause", HTMLButtonElement);
  pause.textContent = paused ? `Resume${many}` : "Pause";
  const ending = place("ending", HTMLElement);
  const to = narrowing.time?.to ?? Infinity;
  ending.hidden = to > now() || lines.end === lines.first || slice.to < lines.end;
  const said = within(ending, "span", HTMLElement);
  const told = ending.hidden ? "" : `The chosen time ends at ${clock(to)}; this is the last that is held of it.`;
  if (said.textContent !== told) said.textContent = told;
  pause.title = paused ? "Show what has come meanwhile, and go on (Space)" : "Hold back what comes, to read in peace (Space)";
}
