/** The slice: the entries of a view that are drawn, as elements in a row. */
export class Slice {
  from = 0; // numbers of the view's entries: from the first ...
  to = 0; // ... up to this one, which is not
  current; // the element that the reader has been led to

  #rows;
  #shown;
  #draw;
  #entries = new WeakMap(); // of the elements

  /** Draws of the run `shown` into the element `rows`; `draw(entry)` makes an element. */
  constructor(rows, shown, draw) {
    this.#rows = rows;
    this.#shown = shown;
    this.#draw = draw;
  }

  get length() {
    return this.to - this.from;
  }

  /** Draw these and no others, as far as they are there; what is drawn already stays as it is, unfolded or not. */
  only(from, to) {
    const focused = document.activeElement;
    const before = new Map([...this.drawn()].map(([row, entry]) => [entry, row]));
    this.from = Math.max(this.#shown.first, from);
    this.to = Math.max(this.from, Math.min(this.#shown.end, to));
    this.#rows.replaceChildren(...this.#made(this.from, this.to, before));
    if (this.#rows.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** Draw more behind, up to a number. */
  extend(to) {
    if (to <= this.to) return;
    this.#rows.append(...this.#made(this.to, to));
    this.to = to;
  }

  /** Draw more before, from a number on. */
  precede(from) {
    this.#rows.prepend(...this.#made(from, this.from));
    this.from = from;
  }

  dropFirst(count) {
    for (let n = 0; n < count; n += 1) this.#rows.firstElementChild.remove();
    this.from += count;
  }

  dropLast(count) {
    for (let n = 0; n < count; n += 1) this.#rows.lastElementChild.remove();
    this.to -= count;
  }

  /** Let go of what the run has not got any more. */
  catchUp() {
    const gone = Math.min(this.#shown.first, this.to) - this.from;
    if (gone > 0) this.dropFirst(gone);
    this.from = Math.max(this.from, this.#shown.first);
    this.to = Math.max(this.to, this.from);
  }

  /** The element of a number; undefined when it is not drawn. */
  rowOf(number) {
    return this.#rows.children[number - this.from];
  }

  numberOf(row) {
    return this.from + Array.prototype.indexOf.call(this.#rows.children, row);
  }

  entryOf(row) {
    return this.#entries.get(row);
  }

  /** The elements that are drawn, each with its entry. */
  *drawn() {
    for (const row of this.#rows.children) yield [row, this.entryOf(row)];
  }

  /** The first element that is not wholly above `top`, in pixels from the beginning of what is scrolled. */
  rowAt(top) {
    return Array.prototype.find.call(this.#rows.children, (row) => row.offsetTop + row.offsetHeight > top);
  }

  #made(from, to, before = new Map()) {
    return this.#shown.slice(from, to).map((entry) => {
      const row = before.get(entry) ?? this.#draw(entry);
      this.#entries.set(row, entry);
      return row;
    });
  }
}
