/** The choice: the environment, the tool and the filter that the reader has chosen to watch. */
/** @import { Environment } from "../types.d.ts" */
import { visible } from "./text.js";
import { refusal } from "./wanted.js";

export class Choice {
  #environment;
  #tool;
  #filter;
  #note;
  #understood = "";

  /**
   * The controls, and the element for what is to be said of the environment.
   * @param {{ environment: HTMLSelectElement, tool: HTMLSelectElement, filter: HTMLInputElement, note: HTMLElement }} boxes
   */
  constructor({ environment, tool, filter, note }) {
    this.#environment = environment;
    this.#tool = tool;
    this.#filter = filter;
    this.#note = note;
  }

  /** Call `onChange()` when something else is chosen. @param {() => void} onChange */
  watch(onChange) {
    for (const box of [this.#environment, this.#tool]) box.addEventListener("change", onChange);
    this.#filter.addEventListener("keydown", ({ key, isComposing }) => {
      if (key === "Enter" && !isComposing) onChange();
    });
  }

  get env() {
    return this.#environment.value;
  }

  get tool() {
    return this.#tool.value;
  }

  /** What the reader wants: a type or a query; while what is typed is not understood, what was understood before. */
  get filter() {
    const typed = this.#filter.value.trim();
    if (refusal(typed) === "") this.#understood = typed;
    return this.#understood;
  }

  set filter(text) {
    this.#filter.value = text.slice(0, this.#filter.maxLength);
  }

  /**
   * Offer these environments; the one that is watched stays.
   * @param {Environment[]} environments @param {string} watched
   */
  offer(environments, watched) {
    const gone = watched === "" || environments.some(({ name }) => name === watched) ? [] : [{ name: watched }];
    this.#environment.replaceChildren(...[...environments, ...gone].map(option));
    this.#environment.value = watched;
  }

  /** Choose these, as far as they are offered; else the first. @param {string} env @param {string} tool */
  choose(env, tool) {
    select(this.#environment, env);
    select(this.#tool, tool);
  }

  /** Say what is to be known of the filter and the environment; `wanted` is the one that was asked for. @param {string} wanted */
  tell(wanted) {
    const isDemo = this.#environment.selectedOptions[0].dataset.demo === "true";
    const missing = `The link asks for the environment ${visible(wanted)}, which is not available here; this is ${visible(this.env)}.`;
    const wrong = refusal(this.#filter.value.trim());
    this.#filter.setAttribute("aria-invalid", String(wrong !== ""));
    const notes = [
      wrong === "" ? "" : `The filter is not understood: ${visible(wrong)}`,
      wanted !== this.env ? missing : "",
      isDemo ? "This environment is a demo: simulated, not a real site." : "",
    ];
    this.#note.textContent = notes.join(" ").trim();
    this.#note.hidden = this.#note.textContent === "";
  }
}

/** @param {Environment} environment */
function option({ name, demo = false }) {
  const made = new Option(visible(name) + (demo ? " (demo)" : ""), name);
  made.dataset.demo = String(demo);
  return made;
}

/** @param {HTMLSelectElement} box @param {string} value */
function select(box, value) {
  box.value = value;
  if (box.selectedIndex < 0) box.selectedIndex = 0;
}
