/** The hold: while a button is down in the rows, or text in them is selected, the list does not move. */

export class Hold {
  on = false;

  #rows;
  #onChange;
  #pressed = false;

  /** `onChange(on)` is called when it begins, and when it ends. @param {HTMLElement} rows @param {(on: boolean) => void} onChange */
  constructor(rows, onChange) {
    this.#rows = rows;
    this.#onChange = onChange;
    rows.addEventListener("pointerdown", () => this.#press(true));
    for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => this.#press(false));
    document.addEventListener("selectionchange", () => this.#look());
  }

  /** Let go of what is selected. */
  end() {
    if (this.#selects) getSelection()?.removeAllRanges();
    this.#press(false);
  }

  /** @param {boolean} on */
  #press(on) {
    this.#pressed = on;
    this.#look();
  }

  #look() {
    const on = this.#pressed || this.#selects;
    if (on === this.on) return;
    this.on = on;
    this.#onChange(on);
  }

  get #selects() {
    const selection = getSelection();
    if (selection === null || selection.isCollapsed || selection.rangeCount === 0) return false;
    return selection.getRangeAt(0).intersectsNode(this.#rows);
  }
}
