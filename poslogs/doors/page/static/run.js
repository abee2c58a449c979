/**
 * A run: a long row of things whose first ones leave cheaply. Each keeps its number for as long as it is in.
 * @template {object} T
 */
export class Run {
  /** @type {(T | undefined)[]} */
  #things = [];
  #gone = 0; // at the beginning of #things, not yet cut off

  /** Number of the first that is in; `end` is one past the last. */
  first = 0;

  get end() {
    return this.first + this.length;
  }

  get length() {
    return this.#things.length - this.#gone;
  }

  /** @param {number} number @returns {T | undefined} */
  at(number) {
    return this.#things[number - this.first + this.#gone];
  }

  /** @param {T} thing */
  push(thing) {
    this.#things.push(thing);
  }

  /** The first, which is in no more. */
  shift() {
    const thing = this.#things[this.#gone];
    this.#things[this.#gone] = undefined;
    this.#gone += 1;
    this.first += 1;
    if (this.#gone > 1000 && this.#gone > this.#things.length / 2) {
      this.#things = this.#things.slice(this.#gone);
      this.#gone = 0;
    }
    return thing;
  }

  /** Replaces all. Numbers start again. @param {T[]} things */
  replace(things) {
    this.#things = things;
    this.#gone = 0;
    this.first = 0;
  }

  /** The number of a thing; undefined where it is not in. @param {T | undefined} thing */
  numberOf(thing) {
    const at = thing === undefined ? -1 : this.#things.indexOf(thing, this.#gone);
    return at < 0 ? undefined : at - this.#gone + this.first;
  }

  /** The numbers of all that `holds` is true of. @param {(thing: T) => boolean} holds */
  numbers(holds) {
    return this.slice().flatMap((thing, n) => (holds(thing) ? [this.first + n] : []));
  }

  /** Those from number `from` up to `to`, as an array. @returns {T[]} */
  slice(from = this.first, to = this.end) {
    const shift = this.#gone - this.first;
    const things = this.#things.slice(Math.max(from, this.first) + shift, to + shift);
    return /** @type {T[]} */ (things); // none of them has gone
  }
}
