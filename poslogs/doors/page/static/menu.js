/** The menu: what is behind More. On a small screen that is every control but the search and Pause. */
import { place } from "./places.js";

/** Have More open and close it; Escape and a click elsewhere close it too. */
export function install() {
  const more = place("more", HTMLButtonElement);
  const sheet = place("sheet", HTMLElement);
  more.addEventListener("click", () => open(!isOpen()));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen()) return;
    if (sheet.contains(document.activeElement)) more.focus();
    open(false);
    event.stopImmediatePropagation(); // it closes the menu, and nothing else
  }, { capture: true });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Element && target.closest("header") === null) open(false);
  });
}

/** @param {boolean} on */
export function open(on) {
  place("more", HTMLButtonElement).setAttribute("aria-expanded", String(on));
}

function isOpen() {
  return place("more", HTMLButtonElement).getAttribute("aria-expanded") === "true";
}
