/** The empty log: what is told where no entry is shown, and how to write one. */
import { now } from "./clock.js";
import { visible } from "./text.js";
import { element } from "./tree.js";
import { hour } from "./zone.js";

const TEST = "{% log 'hello', type: 'test' %}";

let watched = ""; // what was told of last
let since = 0; // when that began, in ms since 1970

/**
 * Tell it in `box`; `label`: the environments that are watched, `filter`: the filter that is set, `held`: entries that are
 * there but not shown, `cleared`: the reader has taken
 * away what was there.
 * @param {HTMLElement} box @param {{ label: string, filter: string, held: number, cleared: boolean }} state
 */
export function tell(box, { label, filter, held, cleared }) {
  if (label !== watched) [watched, since] = [label, now()];
  const said = held > 0 ? "None of the entries held match." : cleared ? "Cleared; what comes from now on is shown." : `No entries yet${matching(filter)}.`;
  const more = `${visible(label)}: watched since ${hour(since)}. Entries${cleared ? matching(filter) : ""} appear here as they are written.`;
  if (box.dataset.told === said + more) return;
  box.dataset.told = said + more;
  box.replaceChildren(element("strong", "", said));
  if (held > 0) return;
  box.append(element("span", "", more));
  if (filter === "" && !cleared) box.append(element("span", "", "To write one, put this into a page and open it:"), element("code", "", TEST));
}

/** @param {string} filter */
function matching(filter) {
  return filter === "" ? "" : ` that match the filter “${visible(filter)}”`;
}
