/** The places: elements that index.html has, or that a module has made, of the kind that they are. */

/**
 * The element of an id. Throws where the page has none of this kind.
 * @template {Element} E @param {string} id @param {new () => E} kind @returns {E}
 */
export function place(id, kind) {
  return sure(document.getElementById(id), kind, `#${id}`);
}

/**
 * The first element in another that a selector names. Throws if there is none of this kind.
 * @template {Element} E @param {ParentNode} parent @param {string} selector @param {new () => E} kind @returns {E}
 */
export function within(parent, selector, kind) {
  return sure(parent.querySelector(selector), kind, selector);
}

/**
 * The element of an event that a selector names: its target, or what that lies in.
 * @param {Event} event @param {string} selector
 */
export function around({ target }, selector) {
  /** @type {HTMLElement | null} */
  const found = target instanceof Element ? target.closest(selector) : null;
  return found;
}

/** @template {Element} E @param {Element | null} found @param {new () => E} kind @param {string} name */
function sure(found, kind, name) {
  if (found instanceof kind) return found;
  throw new TypeError(`The page has no ${kind.name} ${name}`);
}
