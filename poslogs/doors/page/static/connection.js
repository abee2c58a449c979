/** The connection: its state in words, and when something was last heard. */
/** @import { LogEvent } from "../types.d.ts" */
import { ago } from "./groups.js";
import { counted, visible } from "./text.js";
import { element } from "./tree.js";

const QUIET_MS = 2_000; // shown as "just now"

/** Shows the connection in `state` and `heard`. `onChange(kind)` gets live, asking, reconnecting, paused, ended or trouble. */
export class Connection {
  #stateBox;
  #heardBox;
  #onChange;
  #kind = "";
  #reason = "";
  #trouble = "";
  #retryAt = 0;
  #lastHeard = 0;
  #paused = false;
  #sharers = 1;

  /** @param {HTMLElement} state @param {HTMLElement} heard @param {(kind: string) => void} onChange */
  constructor(state, heard, onChange) {
    this.#stateBox = state;
    this.#heardBox = heard;
    this.#onChange = onChange;
    setInterval(() => this.#show(), 1000);
  }

  /** Take in an event of a stream: state, trouble, and that something was heard at all. @param {LogEvent} event */
  take(event) {
    if (event.state !== undefined) {
      this.#kind = event.state;
      this.#reason = visible(event.reason ?? "");
      if (event.state === "connecting" || event.state === "asking") this.#trouble = "";
      this.#retryAt = event.wait === undefined ? 0 : Date.now() + event.wait;
    }
    if (event.shared !== undefined) this.#sharers = event.shared;
    if (event.trouble !== undefined) this.#trouble = visible(event.trouble);
    if (event.entries !== undefined && !event.past) this.#trouble = "";
    if (event.entries ?? event.position ?? event.heard ?? event.trouble) this.#lastHeard = Date.now();
    if (event.state === "live" || event.state === "asking") this.#lastHeard = Date.now();
    this.#show();
  }

  /** platformOS answers again, as the server says. */
  recovered() {
    this.#trouble = "";
    this.#show();
  }

  get troubled() {
    return this.#trouble !== "";
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
    this.#trouble = "";
    this.#lastHeard = 0;
    this.#sharers = 1;
    this.#show();
  }

  #show() {
    const text = this.#text();
    const [word] = /^[a-z]+/.exec(this.#kind === "told" ? "" : text) ?? [""];
    if (this.#stateBox.textContent !== text) this.#stateBox.replaceChildren(element("b", "", word), text.slice(word.length));
    const passed = Date.now() - this.#lastHeard;
    const wait = Math.ceil((this.#retryAt - Date.now()) / 1000);
    const heard = [
      this.#lastHeard === 0 ? "" : `last heard ${passed < QUIET_MS ? "just now" : ago(passed)}`,
      this.#kind === "reconnecting" && wait > 0 ? `next try in ${wait} s` : "",
      this.#sharers > 1 ? `shared by ${counted(this.#sharers, "tab")}` : "",
    ].filter((part) => part !== "").join(", "); // counts by itself, so it is not announced
    if (this.#heardBox.textContent !== heard) this.#heardBox.textContent = heard;
    this.#onChange(this.#flows && this.#paused ? "paused" : this.#flows && this.#trouble !== "" ? "trouble" : this.#kind);
  }

  /** Whether entries come. */
  get #flows() {
    return this.#kind === "live" || this.#kind === "asking";
  }

  #text() {
    if (this.#kind === "told") return this.#reason;
    const reason = this.#reason === "" ? "" : `: ${this.#reason.replace(/\.$/, "")}`;
    const state = `${this.#kind}${reason}`;
    const told = this.#trouble === "" || !this.#flows ? state : `${this.#kind}, but ${this.#trouble}`;
    return this.#paused ? `paused${told === "live" ? "" : `; ${told}`}` : told;
  }
}
