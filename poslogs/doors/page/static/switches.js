/** The switches: how rows look, as this tab's reader likes it. */
import { place } from "./places.js";
import * as storage from "./storage.js";

const NAMES = ["wrap", "compact", "fold"];
const KEY = "poslogs.rows";

/**
 * Have them act and be kept over a reload; `onChange(on)` is called at once, and when rows look different, with what is on.
 * @param {(on: Record<string, boolean>) => void} onChange
 */
export function install(onChange) {
  const boxes = NAMES.map((name) => place(name, HTMLInputElement));
  const kept = storage.get(KEY)?.split(" ");
  const show = () => {
    for (const box of boxes) document.body.dataset[box.id] = box.checked ? "on" : "off";
    onChange(Object.fromEntries(boxes.map(({ id, checked }) => [id, checked])));
  };
  for (const box of boxes) {
    if (kept !== undefined) box.checked = kept.includes(box.id);
    box.addEventListener("change", () => {
      storage.set(KEY, boxes.filter(({ checked }) => checked).map(({ id }) => id).join(" "));
      show();
    });
  }
  show();
}
