/** The tree: a JSON value that unfolds step by step. */
import { counted, visible } from "./text.js";

const MOST_MEMBERS = 200; // drawn of one object or list; the rest at a click
const MOST_CHARS = 10_000; // drawn of one string; the rest at a click

/** A value as elements; what lies inside is built when it is unfolded. @param {unknown} value @returns {HTMLElement} */
export function tree(value) {
  if (value === null || typeof value !== "object") return leaf(value);
  const members = Object.entries(value);
  const list = document.createElement("ul");
  list.className = "tree";
  grow(list, members, Array.isArray(value));
  return list;
}

/** @param {HTMLElement} list @param {[string, unknown][]} members @param {boolean} isList */
function grow(list, members, isList) {
  for (const [name, inner] of members.slice(0, MOST_MEMBERS)) list.append(member(name, inner, isList));
  const rest = members.slice(MOST_MEMBERS);
  if (rest.length === 0) return;
  const item = document.createElement("li");
  item.append(more(`${rest.length.toLocaleString("en")} more`, () => {
    item.remove();
    grow(list, rest, isList);
  }));
  list.append(item);
}

/** @param {string} name @param {unknown} value @param {boolean} inList */
function member(name, value, inList) {
  const item = document.createElement("li");
  const key = element("span", inList ? "index" : "key", `${visible(name)}: `);
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    item.append(key, leaf(value));
    return item;
  }
  const fold = document.createElement("details");
  const summary = document.createElement("summary");
  const size = Object.keys(value).length;
  summary.append(key, element("span", "hint", Array.isArray(value) ? counted(size, "item") : counted(size, "field")));
  fold.append(summary);
  fold.addEventListener("toggle", () => fold.childElementCount === 1 && fold.append(tree(value)));
  item.append(fold);
  return item;
}

/** @param {unknown} value */
function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  if (kind === "object") return element("span", "hint", Array.isArray(value) ? "empty list" : "empty");
  if (typeof value !== "string") return element("span", kind, String(value));
  const text = element("span", kind, visible(value.slice(0, MOST_CHARS)));
  if (value.length > MOST_CHARS) {
    const rest = more(`all ${counted(value.length, "character")}`, () => {
      rest.remove();
      text.textContent = visible(value);
    });
    text.append(" ", rest);
  }
  return text;
}

/** @param {string} text @param {() => void} act */
function more(text, act) {
  const button = element("button", "more", text);
  button.type = "button";
  button.addEventListener("click", act, { once: true });
  return button;
}

/**
 * An element with a class and a text.
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} className @param {string} text
 */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
