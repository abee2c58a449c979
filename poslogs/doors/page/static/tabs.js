/** The tabs: on a small screen the log or the overview, one at a time. */
import { place } from "./places.js";

const TABS = ["log", "overview"];

/** Have the tabs switch, by a click or the arrow keys. */
export function install() {
  const tabs = TABS.map((name) => place(`tab-${name}`, HTMLButtonElement));
  tabs.forEach((tab, n) => {
    tab.addEventListener("click", () => show(TABS[n]));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      event.preventDefault();
      const other = tabs[1 - n];
      show(TABS[1 - n]);
      other.focus();
    });
  });
}

/** Show the log or the overview. @param {string} name */
export function show(name) {
  document.body.dataset.tab = name;
  for (const each of TABS) {
    const tab = place(`tab-${each}`, HTMLButtonElement);
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
  }
}
