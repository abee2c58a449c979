/** The list: how the drawn part of a view follows the log's end, or stays where its reader is. */
/** @import { Entry } from "../types.d.ts" @import { Lines } from "./lines.js" @import { View } from "./view.js" */
import { anchorOf, numberFrom, seen } from "./anchor.js";
import { Hold } from "./hold.js";
import { NEAR, portion } from "./portion.js";
import { Slice } from "./slice.js";
import { Unseen } from "./unseen.js";

const MOST_DRAWN = 1_200; // entries; the contract allows 2,000

/** Draws lines into `rows`, which `scroller` scrolls. `onMove()` is called after changes. */
export class List {
  following = true; // the newest entry is kept in view
  slice;
  lines;
  #scroller;
  #view;
  #onMove;
  #grew = NaN; // the line that had grown when they were drawn last
  #top = 0; // the scroller's last known place
  #due = false;
  #hold;
  #unseen;

  /**
   * @param {HTMLElement} scroller @param {HTMLElement} rows @param {View} view @param {Lines} lines of it
   * @param {ConstructorParameters<typeof Slice>[2]} draw @param {ConstructorParameters<typeof Slice>[3]} tell @param {() => void} onMove
   */
  constructor(scroller, rows, view, lines, draw, tell, onMove) {
    this.slice = new Slice(rows, lines, draw, tell);
    this.#scroller = scroller;
    this.#unseen = new Unseen(scroller);
    this.#view = view;
    this.lines = lines;
    this.#onMove = onMove;
    this.#hold = new Hold(rows, (on) => this.following && (on ? view.know() : this.grown()));
    lines.watch(this);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(scroller);
  }

  /** How many have come since the reader left the end, or holds the list. */
  get missed() {
    return this.following && !this.#hold.on ? 0 : this.#view.news;
  }

  /** Go to the end and stay there. */
  follow() {
    this.#hold.end();
    this.following = true;
    this.#unseen.place = null;
    this.slice.only(this.lines.end - portion(), this.lines.end);
    this.#onMove();
    this.#stick();
  }

  /** What is there now counts as known. */
  know() {
    this.#view.know();
    this.#onMove();
  }

  /** Stays here while entries come. */
  stay() {
    if (this.following) this.#view.know();
    this.following = false;
    this.#onMove();
  }

  /** Bring a line into the middle of the view, or `offset` px below its top. Returns its element. @param {number} line @param {number} [offset] */
  reveal(line, offset) {
    this.stay();
    this.#unseen.note(this.lines.at(line), offset);
    if (this.slice.rowOf(line) === undefined) this.slice.only(line - portion(), line + portion());
    const row = this.slice.rowOf(line);
    if (offset === undefined) row?.scrollIntoView({ block: "center" });
    else this.#scroller.scrollTop = (row?.offsetTop ?? 0) - offset;
    this.#top = this.#scroller.scrollTop;
    return row;
  }

  /** The entry on the screen that is to stay there, with its distance from the top; null where the end is followed. */
  get place() {
    return this.following ? null : anchorOf(this.#scroller, this.slice, false);
  }

  /** Bring a line into view by as little as is needed, and return its element. @param {number} line */
  show(line) {
    const row = this.slice.rowOf(line);
    if (row === undefined) return this.reveal(line);
    this.stay();
    row.scrollIntoView({ block: "nearest" });
    return row;
  }

  /** The lines that are on the screen: the first and the last one. */
  get screen() {
    return seen(this.#scroller, this.slice);
  }

  /** Look again at what is to be said between the rows. */
  tell() {
    this.lines.refold();
    this.#keepPlace(() => this.slice.tell());
    this.#stick();
  }

  grown() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      for (const line of [this.#grew, this.lines.growing]) this.slice.tellOf(line);
      this.#grew = this.lines.growing;
      if (this.following && !this.#hold.on) this.#toEnd();
      this.#onMove(); // something may be said below the last line then
      if (this.following) this.#stick();
    });
  }

  shrunk() {
    this.#keepPlace(() => this.slice.catchUp());
    if (!this.following && this.slice.length < portion()) this.#later();
    this.grown();
  }

  refolded() {
    const anchor = this.#unseen.place ?? anchorOf(this.#scroller, this.slice, this.following);
    const followed = this.following;
    if (anchor === null) return this.follow();
    if (followed) this.#view.know();
    const line = this.lines.lineOf(numberFrom(this.#view.shown, anchor.entry));
    this.slice.only(line - portion(), line + portion());
    this.#scroller.scrollTop = (this.slice.rowOf(line)?.offsetTop ?? 0) - (anchor.offset ?? 0);
    this.#top = this.#scroller.scrollTop;
    this.following = followed && this.#below <= 4 && this.slice.to >= this.lines.end;
    this.#onMove();
  }

  #toEnd() {
    this.#view.know();
    if (this.lines.end - this.slice.to > portion()) this.slice.only(this.lines.end - portion(), this.lines.end);
    else this.slice.extend(this.lines.end);
    if (this.slice.length > MOST_DRAWN) this.slice.dropFirst(this.slice.length - MOST_DRAWN + portion());
  }

  #resized() {
    const isShort = this.slice.length < Math.min(portion(), this.lines.end - this.lines.first);
    if (isShort && this.following) this.slice.only(this.lines.end - portion(), this.lines.end);
    else if (isShort) this.#earlier();
    this.#stick();
  }

  #stick() {
    const place = this.#unseen.take();
    if (place !== null) this.reveal(this.lines.lineOf(numberFrom(this.#view.shown, place.entry)), place.offset);
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
    if (this.#unseen.place !== null) return; // a browser goes to where it was before
    const { scrollTop } = this.#scroller;
    const up = scrollTop < this.#top - 1;
    const below = this.#below;
    this.#top = scrollTop;
    if (this.following && (!up || below <= 4)) return;
    if (this.following) this.stay();
    if (scrollTop < NEAR && this.slice.from > this.lines.first) this.#earlier();
    if (below < NEAR && this.slice.to < this.lines.end) this.#later();
    if (below <= 4 && !up && this.slice.to >= this.lines.end) this.follow();
  }

  #earlier() {
    this.#keepPlace(() => this.slice.precede(Math.max(this.lines.first, this.slice.from - portion())));
    if (this.slice.length > MOST_DRAWN) this.slice.dropLast(this.slice.length - MOST_DRAWN);
  }

  #later() {
    this.slice.extend(Math.min(this.lines.end, this.slice.to + portion()));
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
