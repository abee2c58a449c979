/** The tree: a JSON value as elements. A small one is open at once; a large one unfolds step by step. */
import { termOf } from "./term.js";
import { counted, visible } from "./text.js";

const MOST_MEMBERS = 200; // drawn of one object or list; the rest at a click
const MOST_CHARS = 10_000; // drawn of one string; the rest at a click
const MOST_OPEN = 50; // values, and objects and lists, that are shown at once
const PREVIEW_CHARS = 60; // of what is folded
const MOST_LOOKED_AT = 100_000; // characters of what is folded, where a search may have found something

/**
 * What is drawn: `path` leads to it, `needles` are marked in it, `open` where it is small.
 * @typedef {{ path: string[], needles: string[], open: boolean }} How
 */

/**
 * A value as elements; what is folded is built when it is unfolded. `needles` are texts that a search has found: they
 * are marked, and what they are in is open.
 * @param {unknown} value @param {string[]} [needles] @param {string[]} [path] @returns {HTMLElement}
 */
export function tree(value, needles = [], path = []) {
  const how = { path, needles, open: size(value, MOST_OPEN) <= MOST_OPEN };
  return branch(value, how);
}

/** @param {unknown} value @param {How} how @returns {HTMLElement} */
function branch(value, how) {
  if (value === null || typeof value !== "object") return leaf(value, how);
  const list = element("ul", "tree", "");
  grow(list, Object.entries(value), Array.isArray(value), how);
  return list;
}

/** How many values, objects and lists there are in a value, as far as `most`. @param {unknown} value @param {number} most */
function size(value, most) {
  let count = 0;
  const waiting = [value];
  while (waiting.length > 0 && count <= most) {
    const next = waiting.pop();
    count += 1;
    if (typeof next === "object" && next !== null) for (const inner of Object.values(next).slice(0, most)) waiting.push(inner);
  }
  return count;
}

/** @param {HTMLElement} list @param {[string, unknown][]} members @param {boolean} isList @param {How} how */
function grow(list, members, isList, how) {
  for (const [name, inner] of members.slice(0, MOST_MEMBERS)) list.append(member(name, inner, isList, how));
  const rest = members.slice(MOST_MEMBERS);
  if (rest.length === 0) return;
  const item = document.createElement("li");
  item.append(more(`${rest.length.toLocaleString("en")} more`, () => {
    item.remove();
    grow(list, rest, isList, how);
  }));
  list.append(item);
}

/** @param {string} name @param {unknown} value @param {boolean} inList @param {How} how */
function member(name, value, inList, { path, needles, open }) {
  const item = document.createElement("li");
  const how = { path: [...path, name], needles, open };
  const key = element("span", inList ? "index" : "key", "");
  key.append(...marked(`${visible(name)}: `, needles));
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    item.append(key, leaf(value, how));
    return item;
  }
  const fold = document.createElement("details");
  const summary = document.createElement("summary");
  const count = Object.keys(value).length;
  const said = Array.isArray(value) ? counted(count, "item") : counted(count, "field");
  fold.open = open || (needles.length > 0 && contains(value, needles));
  const begins = element("span", "hint preview", fold.open ? "" : preview(value));
  summary.append(key, element("span", "hint", said), " ", begins);
  fold.append(summary);
  if (fold.open) fold.append(branch(value, how));
  fold.addEventListener("toggle", () => {
    if (fold.childElementCount === 1) fold.append(tree(value, needles, how.path));
    begins.textContent = fold.open ? "" : preview(value);
  });
  item.append(fold);
  return item;
}

/** The beginning of what is folded, which takes no longer the larger that is. @param {object} value */
function preview(value) {
  const parts = [];
  for (const [name, inner] of Object.entries(value).slice(0, 5)) {
    const text = typeof inner === "object" && inner !== null ? "…" : String(inner).slice(0, PREVIEW_CHARS);
    parts.push(Array.isArray(value) ? text : `${name}: ${text}`);
  }
  const text = parts.join(", ");
  return visible(text.length > PREVIEW_CHARS ? `${text.slice(0, PREVIEW_CHARS)}…` : text);
}

/** @param {unknown} value @param {string[]} needles */
function contains(value, needles) {
  const text = visible(JSON.stringify(value).slice(0, MOST_LOOKED_AT));
  return needles.some((needle) => text.includes(needle));
}

/** @param {unknown} value @param {How} how */
function leaf(value, { path, needles }) {
  const kind = value === null ? "null" : typeof value;
  if (kind === "object") return element("span", "hint", Array.isArray(value) ? "empty list" : "empty");
  const text = element("span", kind, "");
  const whole = typeof value === "string" ? value : String(value);
  text.append(...marked(visible(whole.slice(0, MOST_CHARS)), needles));
  if (whole.length > MOST_CHARS) {
    const rest = more(`all ${counted(whole.length, "character")}`, () => {
      rest.remove();
      text.textContent = visible(whole);
    });
    text.append(" ", rest);
  }
  const both = element("span", "value", "");
  both.append(text, tools(path, value));
  return both;
}

/** What can be done with a value. @param {string[]} path @param {unknown} value */
function tools(path, value) {
  const made = element("span", "value-tools", "");
  const term = termOf(path, value);
  const acts = [...(term === "" ? [] : [["only", "Only this", term], ["not", "Not this", `-${term}`]]), ["value", "Copy", String(value)]];
  for (const [act, name, text] of acts) {
    const button = element("button", act, name);
    button.type = "button";
    button.dataset.do = act;
    button.dataset.text = text;
    button.title = act === "value" ? "Copy this value" : visible(text);
    made.append(" ", button);
  }
  return made;
}

/** A text with each of these marked. @param {string} text @param {string[]} needles @returns {(string | HTMLElement)[]} */
export function marked(text, needles) {
  const found = needles.filter((needle) => text.includes(needle)).sort((a, b) => b.length - a.length);
  if (found.length === 0) return [text];
  const [needle] = found;
  return text.split(needle).flatMap((part, n) => {
    const rest = marked(part, found.slice(1));
    return n === 0 ? rest : [element("mark", "", needle), ...rest];
  });
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
