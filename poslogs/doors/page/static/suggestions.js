/** The suggestions: what the filter knows that begins as the word that is typed: fields, and types that were seen. */
import { around } from "./places.js";
import { visible } from "./text.js";
import { element } from "./tree.js";

const FIELDS = ["type:", "message:", "page:", "url:", "partial:", "user:", "env:", "data."];
const MOST = 8; // shown

/**
 * The texts that a field may be completed to: `before` what is typed and stays, `words` what its last word may become.
 * @param {string} typed @param {string[]} types
 */
export function completions(typed, types) {
  const [, before = "", minus = "", word = ""] = /^(|.*\s)(-?)([^\s"/]*)$/su.exec(typed) ?? [];
  const begins = (/** @type {string} */ text, /** @type {string} */ begin) => {
    return text.toLowerCase().startsWith(begin.toLowerCase()) && text.length > begin.length;
  };
  const [, listed = "type:", value = word] = /^(type:(?:.*,)?)(.*)$/i.exec(word) ?? [];
  const isValue = listed.length + value.length === word.length;
  const fields = isValue ? [] : FIELDS.filter((field) => begins(field, word));
  const found = word === "" ? [] : [...fields, ...types.filter((type) => begins(type, value)).map((type) => listed + written(type))];
  const words = found.filter((each) => each !== word);
  return { before: before + minus, words: words.slice(0, MOST) };
}

/** A type as a value in a query. @param {string} type */
function written(type) {
  return /^[^\s",:/][^\s",:]*$/.test(type) ? type : `"${type.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** Shows suggestions in a list below a field, for the arrow keys, Enter and the mouse. */
export class Suggestions {
  #field;
  #list;
  #types;
  #at = -1;
  #before = "";

  /** `types()` are those that were seen. @param {HTMLInputElement} field @param {HTMLElement} list @param {() => string[]} types */
  constructor(field, list, types) {
    this.#field = field;
    this.#list = list;
    this.#types = types;
    field.addEventListener("input", () => this.#show());
    field.addEventListener("blur", () => this.#hide());
    field.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = around(event, "[role=option]");
      if (option !== null) this.#take(option.dataset.word ?? "");
    });
  }

  #show() {
    const { before, words } = completions(this.#field.value, this.#types());
    this.#before = before;
    this.#at = -1;
    this.#list.replaceChildren(...words.map((word, n) => {
      const option = element("li", "", visible(word));
      option.id = `suggestion-${n}`;
      option.role = "option";
      option.dataset.word = word;
      option.setAttribute("aria-selected", "false");
      return option;
    }));
    this.#list.hidden = words.length === 0;
    this.#field.removeAttribute("aria-activedescendant");
  }

  #hide() {
    this.#list.hidden = true;
    this.#at = -1;
    this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (this.#list.hidden || event.isComposing) return;
    const options = [...this.#list.children];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) {
      this.#at = (this.#at + by + options.length + (this.#at < 0 && by < 0 ? 1 : 0)) % options.length;
      options.forEach((option, n) => option.setAttribute("aria-selected", String(n === this.#at)));
      this.#field.setAttribute("aria-activedescendant", `suggestion-${this.#at}`);
    } else if (event.key === "Enter" && this.#at >= 0) {
      const option = options[this.#at];
      this.#take(option instanceof HTMLElement ? option.dataset.word ?? "" : "");
    } else if (event.key === "Escape") this.#hide();
    else {
      if (event.key === "Enter") this.#hide();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {string} word */
  #take(word) {
    this.#field.value = this.#before + word;
    this.#field.dispatchEvent(new Event("input", { bubbles: true })); // a field's values may follow
  }
}
