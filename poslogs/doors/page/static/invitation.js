/** The invitation: what a link leads to, told to who has yet to connect. */
import { told } from "./chips.js";
import * as link from "./link.js";
import { fromLink } from "./narrowing.js";
import { place } from "./places.js";
import { visible } from "./text.js";

const MOST_CHARS = 80; // of a text that the link has

/** Say what the address leads to; nothing where that is what everyone sees first. */
export function tell() {
  const { env = "", at = "", query = "", search = "", ...more } = link.read();
  const what = [
    at === "" ? "" : `entry ${short(at.split(":").at(-1) ?? "")}`,
    env === "" ? "" : `of ${env === "*" ? "every environment" : short(env)}`,
  ].filter((part) => part !== "").join(" ").replace(/^of /, "");
  const how = [
    ...Object.values(told(fromLink(more))),
    query === "" ? "" : `filter “${short(query)}”`,
    search === "" ? "" : `search “${short(search)}”`,
  ].filter((part) => part !== "").join(", ");
  const box = place("invitation", HTMLElement);
  box.hidden = what === "" && how === "";
  box.textContent = `Connect to open what this link leads to: ${what || "the log"}${how === "" ? "" : ` (${how})`}.`;
}

/** @param {string} text */
function short(text) {
  return visible(text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text);
}
