/** The keys: what each does, and the dialog that lists them. */
import { within } from "./places.js";
import { element } from "./tree.js";

/**
 * Has keys do what `actions` says by name, and lists them in `dialog`, which opens at `?`.
 * @param {HTMLDialogElement} dialog @param {Record<string, (event: KeyboardEvent) => void>} actions
 */
export function install(dialog, actions) {
  const all = [...KEYS, ["?", "help", "this list"]];
  const list = within(dialog, "dl", HTMLDListElement);
  for (const [keys, , meaning] of all) {
    const term = document.createElement("dt");
    keys.split(" ").forEach((key, n) => term.append(n > 0 ? " or " : "", element("kbd", "", key)));
    list.append(term, element("dd", "", meaning));
  }
  const byKey = new Map(all.flatMap(([keys, act]) => keys.split(" ").map((key) => [NAMES[key] ?? key, act])));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open) return;
    if (document.body.dataset.screen !== "log") return;
    const act = byKey.get(event.key);
    const { target } = event;
    if (act === undefined || !(target instanceof Element)) return;
    const typing = target.matches("input:not([type=checkbox]), select, textarea");
    if (typing && event.key !== "Escape") return;
    if (["Enter", " "].includes(event.key)) {
      if (target.matches("button, summary, input")) return;
      if (target instanceof HTMLElement && target.matches("[role=button]")) { // the browser does not press these
        event.preventDefault();
        if (!event.repeat) target.click();
        return;
      }
    }
    if (event.repeat && !["up", "down"].includes(act)) return; // holding a key down clears only once
    event.preventDefault();
    actions[act](event);
  });
}

/** @type {Record<string, string>} */
const NAMES = { Up: "ArrowUp", Down: "ArrowDown", Space: " ", Esc: "Escape" };
const KEYS = [
  ["j Down", "down", "the next entry"],
  ["k Up", "up", "the previous entry"],
  ["g Home", "first", "the oldest entry shown"],
  ["G End", "jump", "the newest entry shown, and follow"],
  ["Enter", "unfold", "show or hide the entry's data"],
  ["c", "copy", "copy the entry"],
  ["l", "link", "copy a link to the entry"],
  ["p", "pin", "pin or unpin the entry"],
  ["s", "context", "show the entry in context: all that is around it"],
  ["t", "type", "show only entries of its type, or all entries again"],
  ["/", "search", "search"],
  ["n", "next", "the next match"],
  ["N", "previous", "the previous match"],
  ["e", "nextError", "the next error"],
  ["E", "previousError", "the previous error"],
  ["f", "filter", "filter"],
  ["Space", "pause", "pause, or resume"],
  ["x", "clear", "clear"],
  ["u", "undo", "undo clearing"],
  ["d", "download", "download"],
  ["Esc", "leave", "leave a field, or show all entries again"],
];
