/** The choice: the environment, the tool and the filter that the reader has chosen to watch. */
/** @import { Environment } from "../types.d.ts" */
import { colour } from "./badge.js";
import { EVERY, described, meant } from "./environments.js";
import { meant as wantedBy, shown } from "./filter.js";
import { visible } from "./text.js";
import { refusal } from "./wanted.js";

export class Choice {
  #environment;
  #tool;
  #filter;
  #note;
  #understood = "";
  #asShown = ""; // the text of the filter that was understood last
  #isType;
  /** @type {Environment[]} */
  #offered = [];
  #wanted = ""; // what was asked for last
  #wrong = ""; // why the filter that was asked for last is not understood

  /**
   * The controls, and the element for what is to be said of the environment; `isType` knows the types of the log.
   * @param {{ environment: HTMLSelectElement, tool: HTMLSelectElement, filter: HTMLInputElement, note: HTMLElement }} boxes
   * @param {(word: string) => boolean} isType
   */
  constructor({ environment, tool, filter, note }, isType) {
    this.#isType = isType;
    this.#environment = environment;
    this.#tool = tool;
    this.#filter = filter;
    this.#note = note;
  }

  /** Call `onChange()` when something else is chosen. @param {() => void} onChange */
  watch(onChange) {
    for (const box of [this.#environment, this.#tool, this.#filter]) box.addEventListener("change", onChange);
    this.#filter.addEventListener("keydown", ({ key, isComposing }) => {
      if (key === "Enter" && !isComposing) onChange();
    });
  }

  get env() {
    return this.#environment.value;
  }

  /** The names of the environments that this means. */
  get names() {
    const { name, of = name === EVERY ? [] : [name] } = described(this.env, this.#offered);
    return of;
  }

  /** The environment, or environments, as people are told of them. */
  get label() {
    return this.env === EVERY ? "all environments" : this.names.join(", ");
  }

  get tool() {
    return this.#tool.value;
  }

  /** What the reader wants, as wanted.js takes it; while what is typed is not understood, what was understood before. */
  get filter() {
    const typed = this.#filter.value.trim();
    if (typed !== this.#asShown && refusal(typed) === "") {
      this.#understood = wantedBy(typed, this.#isType);
      this.#asShown = this.#understood === typed ? shown(typed) : typed; // what was taken for a type is shown as one
      this.#filter.value = this.#asShown;
    }
    return this.#understood;
  }

  /** A text of the query language, in which a single word is a text; "" for all. */
  set filter(text) {
    const isAmbiguous = this.#isType(text);
    const whole = (isAmbiguous ? `"${text}"` : text).slice(0, this.#filter.maxLength);
    this.#filter.value = whole;
    if (refusal(whole.trim()) !== "") return;
    this.#understood = wantedBy(whole.trim(), () => false);
    this.#asShown = whole.trim();
  }

  /**
   * Offer these environments; the one that is watched stays.
   * @param {Environment[]} environments @param {string} watched
   */
  offer(environments, watched) {
    this.#offered = environments;
    const isThere = watched === "" || environments.some(({ name }) => name === watched);
    const more = isThere ? [] : [described(watched, environments)]; // gone, or some of those that are there
    this.#environment.replaceChildren(...[...environments, ...more].map(option));
    this.#environment.value = watched;
    colour(environments.map(({ name }) => name));
    if (watched !== "") this.#tell();
  }

  /** Choose these, as far as they are offered; else the first. @param {string} text @param {string} tool */
  choose(text, tool) {
    const { env } = meant(text, this.#offered);
    if (env.includes(",")) this.offer(this.#offered, env);
    select(this.#environment, env);
    select(this.#tool, tool);
  }

  /** Say what is to be known of the filter and the environment; `wanted` is the one that was asked for. @param {string} wanted */
  tell(wanted) {
    this.#wanted = wanted;
    this.#wrong = refusal(this.#filter.value.trim());
    this.#filter.setAttribute("aria-invalid", String(this.#wrong !== ""));
    this.#tell();
  }

  #tell() {
    const { demo = false, of } = described(this.env, this.#offered);
    const missing = this.#wanted === this.env ? [] : meant(this.#wanted, this.#offered).missing;
    const simulated = of ? "These environments are a demo: simulated, not real sites." : "This environment is a demo: simulated, not a real site.";
    const notes = [
      this.#wrong === "" ? "" : `The filter is not understood: ${visible(this.#wrong)}`,
      missing.length > 0 ? `The link asks for ${lacking(missing)} not available here; this is ${visible(this.label)}.` : "",
      this.env === EVERY && this.names.length > 0 ? `All environments are ${listed(this.names)}.` : "",
      demo ? simulated : "",
    ];
    this.#note.textContent = notes.filter((note) => note !== "").join(" ");
    this.#note.hidden = this.#note.textContent === "";
  }
}

/** @param {Environment} environment */
function option({ name, demo = false, of = [name] }) {
  if (name === EVERY) {
    const all = new Option(of[0] === EVERY ? "All" : `All (${of.length})`, name);
    all.title = of.map(visible).join(", ");
    return all;
  }
  return new Option(of.map(visible).join(", ") + (demo ? " (demo)" : ""), name);
}

/** Environments that are not there, with the verb that follows. @param {string[]} names */
function lacking(names) {
  if (names.includes(EVERY)) return "all environments together, which are";
  return names.length > 1 ? `the environments ${listed(names)}, which are` : `the environment ${listed(names)}, which is`;
}

/** Names as a sentence has them: `a, b and c`. @param {string[]} names */
function listed(names) {
  const said = names.map(visible);
  return [said.slice(0, -1).join(", "), ...said.slice(-1)].filter((part) => part !== "").join(" and ");
}

/** @param {HTMLSelectElement} box @param {string} value */
function select(box, value) {
  box.value = value;
  if (box.selectedIndex < 0) box.selectedIndex = 0;
}
