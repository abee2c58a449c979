/** The badge: the name of an entry's environment, where several are read. */
import { EVERY, isProduction } from "./environments.js";
import { visible } from "./text.js";
import { element } from "./tree.js";

const HUES = 6; // that the style sheet has

/** @type {string[]} */
const order = []; // of the environments, by which they get their colours

/** Give environments their colours, which they keep, by the order in which they are named first. @param {string[]} names */
export function colour(names) {
  for (const name of names) if (name !== EVERY && !order.includes(name)) order.push(name);
}

/** @param {string} name */
export function badge(name) {
  colour([name]);
  const made = element("span", isProduction(name) ? "env production" : "env", visible(name));
  made.dataset.hue = String(order.indexOf(name) % HUES);
  made.title = `Environment ${visible(name)}${isProduction(name) ? ", by its name production" : ""}`;
  return made;
}
