/** The looking: when the reader comes back to the tab, what has come meanwhile is marked. */
/** @import { Divider } from "./divider.js" @import { List } from "./list.js" @import { View } from "./view.js" */
import { keyOf } from "./store.js";

/** Have what comes while nobody looks at the tab begin with a line. @param {View} view @param {List} list @param {Divider} divider */
export function install(view, list, divider) {
  document.addEventListener("visibilitychange", () => {
    const shown = view.shown;
    if (document.hidden) {
      divider.leave(shown.at(shown.end - 1));
      return;
    }
    const entries = shown.slice();
    const at = entries.findLastIndex((entry) => keyOf(entry) === divider.lastSeen);
    if (at < 0 || at === entries.length - 1) return;
    if (divider.mark(entries[at + 1])) list.tell();
  });
}
