/** The list: how the drawn part of a view follows the log's end, or stays where its reader is. */
/** @import { Entry } from "../types.d.ts" @import { Divider } from "./divider.js" @import { View } from "./view.js" */
import { anchorOf, numberFrom, seen } from "./anchor.js";
import { Hold } from "./hold.js";
import { Slice } from "./slice.js";

const MOST_DRAWN = 1_200; // entries; the contract allows 2,000
const STEP = 150; // entries drawn more when the reader comes near an end of what is drawn
const NEAR = 600; // pixels from there

/** Draws a view into `rows`, which `scroller` scrolls. `draw(entry)` makes an element. `onMove()` is called after changes. */
export class List {
  following = true; // the newest entry is kept in view
  slice;
  #scroller;
  #shown;
  #onMove;
  #left = 0; // the view's end when the reader left it
  #top = 0; // the scroller's last known place
  #due = false;
  #hold;

  /**
   * @param {HTMLElement} scroller @param {HTMLElement} rows @param {View} view
   * @param {(entry: Entry) => HTMLElement} draw @param {Divider} divider @param {() => void} onMove
   */
  constructor(scroller, rows, view, draw, divider, onMove) {
    this.slice = new Slice(rows, view.shown, draw, (...parts) => divider.divide(...parts));
    this.#scroller = scroller;
    this.#shown = view.shown;
    this.#onMove = onMove;
    this.#hold = new Hold(rows, (on) => this.#held(on));
    view.watch(this);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#stick()).observe(scroller);
  }

  /** How many have come since the reader left the end, or holds the list. */
  get missed() {
    return this.following && !this.#hold.on ? 0 : Math.max(0, this.#shown.end - this.#left);
  }

  /** Go to the end and stay there. */
  follow() {
    this.#hold.end();
    this.following = true;
    this.slice.only(this.#shown.end - STEP, this.#shown.end);
    this.#stick();
    this.#onMove();
  }

  /** What is there now counts as known. */
  know() {
    this.#left = this.#shown.end;
    this.#onMove();
  }

  /** Stays here while entries come. */
  stay() {
    if (this.following) this.#left = this.#shown.end;
    this.following = false;
    this.#onMove();
  }

  /** Bring the entry of a number into the middle of the view, or `offset` px below its top. Returns its element. @param {number} number @param {number} [offset] */
  reveal(number, offset) {
    this.stay();
    if (this.slice.rowOf(number) === undefined) this.slice.only(number - STEP, number + STEP);
    const row = this.slice.rowOf(number);
    if (offset === undefined) row?.scrollIntoView({ block: "center" });
    else this.#scroller.scrollTop = (row?.offsetTop ?? 0) - offset;
    this.#top = this.#scroller.scrollTop;
    return row;
  }

  /** The entry on the screen that is to stay there, with its distance from the top; null where the end is followed. */
  get place() {
    return this.following ? null : anchorOf(this.#scroller, this.slice, false);
  }

  /** Bring the entry of a number into view by as little as is needed, and return its element. @param {number} number */
  show(number) {
    const row = this.slice.rowOf(number);
    if (row === undefined) return this.reveal(number);
    this.stay();
    row.scrollIntoView({ block: "nearest" });
    return row;
  }

  /** The numbers of the entries that are on the screen, of the first and of the last. */
  get screen() {
    return seen(this.#scroller, this.slice);
  }

  /** Look again at what is to be said between the rows. */
  divide() {
    this.#keepPlace(() => this.slice.divide());
    this.#stick();
  }

  /** The number of the oldest entry that may be drawn, and of the newest. */
  get ends() {
    return { first: this.#shown.first, last: this.#shown.end - 1 };
  }

  /** The number of an entry; undefined where it is not shown. @param {Entry | undefined} entry */
  numberOf(entry) {
    return this.#shown.numberOf(entry);
  }


  grown() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      if (this.following && !this.#hold.on) this.#toEnd();
      this.#onMove();
    });
  }

  shrunk() {
    this.#keepPlace(() => this.slice.catchUp());
    if (!this.following && this.slice.length < STEP) this.#later();
    this.grown();
  }

  changed() {
    const anchor = anchorOf(this.#scroller, this.slice, this.following);
    const followed = this.following;
    this.#left = this.#shown.end;
    if (anchor === null) return this.follow();
    const number = numberFrom(this.#shown, anchor.entry);
    this.following = false;
    this.slice.only(number - STEP, Math.min(number + STEP, this.#shown.end));
    this.#scroller.scrollTop = (this.slice.rowOf(number)?.offsetTop ?? 0) - anchor.offset;
    this.#top = this.#scroller.scrollTop;
    this.following = followed && this.#below <= 4 && this.slice.to >= this.#shown.end;
    this.#onMove();
  }

  /** @param {boolean} on */
  #held(on) {
    if (!this.following) return;
    if (on) this.#left = this.#shown.end;
    else this.grown();
  }

  #toEnd() {
    if (this.#shown.end - this.slice.to > STEP) this.slice.only(this.#shown.end - STEP, this.#shown.end);
    else this.slice.extend(this.#shown.end);
    if (this.slice.length > MOST_DRAWN) this.slice.dropFirst(this.slice.length - MOST_DRAWN + STEP);
    this.#stick();
  }

  #stick() {
    if (!this.following || this.#hold.on) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
  }

  /** Pixels of the log that lie below what is seen. */
  get #below() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #scrolled() {
    const { scrollTop } = this.#scroller;
    const up = scrollTop < this.#top - 1;
    const below = this.#below;
    this.#top = scrollTop;
    if (this.following) {
      if (up && below > 4) this.stay();
      return;
    }
    if (scrollTop < NEAR && this.slice.from > this.#shown.first) this.#earlier();
    if (below < NEAR && this.slice.to < this.#shown.end) this.#later();
    if (below <= 4 && !up && this.slice.to >= this.#shown.end) this.follow();
  }

  #earlier() {
    this.#keepPlace(() => this.slice.precede(Math.max(this.#shown.first, this.slice.from - STEP)));
    if (this.slice.length > MOST_DRAWN) this.slice.dropLast(this.slice.length - MOST_DRAWN);
  }

  #later() {
    this.slice.extend(Math.min(this.#shown.end, this.slice.to + STEP));
    if (this.slice.length > MOST_DRAWN) this.#keepPlace(() => this.slice.dropFirst(this.slice.length - MOST_DRAWN));
  }

  /** Change what lies above without moving what the reader looks at. @param {() => void} change */
  #keepPlace(change) {
    const before = this.#scroller.scrollHeight;
    change();
    if (this.following) return;
    this.#scroller.scrollTop += this.#scroller.scrollHeight - before;
    this.#top = this.#scroller.scrollTop;
  }
}
