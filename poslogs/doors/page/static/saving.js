/** The saving: the controls of the download, which say how many entries they would save. */
/** @import { Entry } from "../types.d.ts" @import { Run } from "./run.js" */
import { save } from "./download.js";

/** @typedef {{ button: HTMLElement, format: HTMLSelectElement, what: HTMLSelectElement }} Controls */

export class Saving {
  #controls;
  #shown;
  #held;

  /** Of what is shown, or of all that is held. @param {Controls} controls @param {Run<Entry>} shown @param {Run<Entry>} held */
  constructor(controls, shown, held) {
    this.#controls = controls;
    this.#shown = shown;
    this.#held = held;
    controls.what.addEventListener("change", () => this.tell());
  }

  /** Have the button say how many there are now. */
  tell() {
    const text = `Download ${this.#chosen.length.toLocaleString("en")}`;
    if (this.#controls.button.textContent !== text) this.#controls.button.textContent = text;
  }

  /** Save them, in the format that is chosen; `env` is what is watched. @param {string} env */
  save(env) {
    save(this.#chosen.slice(), this.#controls.format.value, env);
  }

  get #chosen() {
    return this.#controls.what.value === "held" ? this.#held : this.#shown;
  }
}
