/** The connection: its state in words, and when something was last heard. */
/** @import { LogEvent } from "../types.d.ts" */
import { now } from "./clock.js";
import { concerned } from "./environments.js";
import { ago } from "./groups.js";
import { counted, visible } from "./text.js";
import { clock } from "./zone.js";
import { element } from "./tree.js";

const QUIET_MS = 2_000; // shown as "just now"
const MOST_NEWS = 3; // notices that are shown

/** Shows the connection in `state`, `heard` and `news`; `names()` are the environments that are read. `onChange(kind)` gets live, asking, reconnecting, paused, ended or trouble. */
export class Connection {
  #stateBox;
  #heardBox;
  #newsBox;
  #names;
  #onChange;
  #kind = "told";
  #reason = "not connected";
  /** @type {Map<string, string>} */
  #troubles = new Map(); // sentences by environment, or by "" where they name none
  /** @type {string[]} */
  #news = []; // the newest last
  #retryAt = 0;
  #lastHeard = 0;
  #paused = false;
  #sharers = 1;

  /**
   * @param {{ state: HTMLElement, heard: HTMLElement, news: HTMLElement }} boxes
   * @param {() => string[]} names @param {(kind: string) => void} onChange
   */
  constructor({ state, heard, news }, names, onChange) {
    this.#stateBox = state;
    this.#heardBox = heard;
    this.#newsBox = news;
    this.#names = names;
    this.#onChange = onChange;
    setInterval(() => this.#show(), 1000);
  }

  /** Take in an event of a stream: state, trouble, and that something was heard at all. @param {LogEvent} event */
  take(event) {
    if (event.state !== undefined) {
      this.#kind = event.state;
      this.#reason = visible(event.reason ?? "");
      if (event.state === "connecting" || event.state === "asking") this.#troubles.clear();
      if (event.state === "connecting") this.#news = [];
      this.#retryAt = event.wait === undefined ? 0 : Date.now() + event.wait;
    }
    if (event.shared !== undefined) this.#sharers = event.shared;
    if (event.trouble !== undefined) {
      this.#troubles.set(concerned(event.trouble, this.#names()), visible(event.trouble));
    }
    if (event.entries !== undefined && !event.past) {
      for (const name of new Set(event.entries.map(({ env }) => env))) this.#troubles.delete(name);
      this.#troubles.delete("");
    }
    if (event.notice !== undefined) this.#news.push(`${clock(now())} ${visible(event.notice)}`);
    if (event.entries ?? event.position ?? event.heard ?? event.trouble) this.#lastHeard = Date.now();
    if (event.state === "live" || event.state === "asking") this.#lastHeard = Date.now();
    this.#show();
  }

  /**
   * platformOS answers again for these environments, as the server says; `all`: for all that it knows of.
   * @param {string[]} names @param {boolean} all
   */
  recovered(names, all) {
    for (const name of all ? ["", ...names] : names) this.#troubles.delete(name);
    this.#show();
  }

  get troubled() {
    return this.#troubles.size > 0;
  }

  /** @param {boolean} on */
  pause(on) {
    this.#paused = on;
    this.#show();
  }

  /** Shows a sentence instead of the state. @param {string} sentence */
  tell(sentence) {
    this.#kind = "told";
    this.#reason = sentence;
    this.#troubles.clear();
    this.#news = [];
    this.#lastHeard = 0;
    this.#sharers = 1;
    this.#show();
  }

  #show() {
    const text = this.#text();
    const [word] = /^[a-z]+/.exec(this.#kind === "told" ? "" : text) ?? [""];
    if (this.#stateBox.textContent !== text) this.#stateBox.replaceChildren(element("b", "", word), text.slice(word.length));
    const news = this.#news.slice(-MOST_NEWS).join("; ");
    if (this.#newsBox.textContent !== news) this.#newsBox.textContent = news;
    this.#newsBox.hidden = news === "";
    const passed = Date.now() - this.#lastHeard;
    const wait = Math.ceil((this.#retryAt - Date.now()) / 1000);
    const heard = [
      this.#lastHeard === 0 ? "" : `last heard ${passed < QUIET_MS ? "just now" : ago(passed)}`,
      this.#kind === "reconnecting" && wait > 0 ? `next try in ${wait} s` : "",
      this.#sharers > 1 ? `shared by ${counted(this.#sharers, "tab")}` : "",
    ].filter((part) => part !== "").join(", "); // counts by itself, so it is not announced
    if (this.#heardBox.textContent !== heard) this.#heardBox.textContent = heard;
    this.#onChange(this.#flows && this.#paused ? "paused" : this.#flows && this.troubled ? "trouble" : this.#kind);
  }

  /** Whether entries come. */
  get #flows() {
    return this.#kind === "live" || this.#kind === "asking";
  }

  #text() {
    if (this.#kind === "told") return this.#reason;
    const reason = this.#reason === "" ? "" : `: ${this.#reason.replace(/\.$/, "")}`;
    const state = `${this.#kind}${reason}`;
    const troubles = [...this.#troubles.values()].join(" ");
    const told = troubles === "" || !this.#flows ? state : `${this.#kind}, but ${troubles}`;
    return this.#paused ? `paused${told === "live" ? "" : `; ${told}`}` : told;
  }
}
