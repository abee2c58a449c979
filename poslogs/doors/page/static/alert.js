/** The alert: told when more errors have come since the last Clear than the reader wants to bear. */
/** @import { Entry } from "../types.d.ts" */
import { counted, visible } from "./text.js";

const MOST = 100_000; // of the threshold
const RECENT_MS = 300_000; // before the opening: what was logged earlier is history, and nobody is called for it
const KEY = "poslogs.alert";

/** Counts errors; shows itself in `box` once there are more than the number in `threshold`. */
export class Alert {
  errors = 0;

  #box;
  #threshold;
  #notify;
  #env = "";
  #opened = 0;
  #told = false; // by a notification, since the count began

  /** @param {HTMLElement} box @param {HTMLInputElement} threshold @param {HTMLButtonElement} notify */
  constructor(box, threshold, notify) {
    this.#box = box;
    this.#threshold = threshold;
    this.#notify = notify;
    threshold.value = sessionStorage.getItem(KEY) ?? threshold.value;
    threshold.addEventListener("input", () => {
      sessionStorage.setItem(KEY, threshold.value);
      this.#show();
    });
    notify.addEventListener("click", () => this.#ask());
    this.#showNotify();
  }

  /** How many errors are borne without a word. */
  get threshold() {
    const number = this.#threshold.valueAsNumber;
    return Number.isFinite(number) ? Math.min(MOST, Math.max(0, number)) : 10;
  }

  /** Count the errors of an environment that is watched from now on. @param {string} env */
  open(env) {
    this.#env = visible(env);
    this.#opened = Date.now();
    this.begin();
  }

  /** Count anew. */
  begin() {
    this.errors = 0;
    this.#told = false;
    this.#show();
  }

  /** Count what has come; `past`: it was there before. @param {Entry[]} entries @param {boolean} past */
  add(entries, past) {
    const since = past ? this.#opened - RECENT_MS : 0;
    const errors = entries.filter(({ type, timestamp }) => type === "error" && Date.parse(timestamp) >= since);
    const latest = errors.at(-1);
    if (latest === undefined) return;
    this.errors += errors.length;
    this.#show();
    if (this.errors > this.threshold && !this.#told) this.#call(latest);
  }

  #show() {
    const over = this.errors > this.threshold;
    this.#box.hidden = !over;
    const [text, count] = this.#box.children;
    const said = `More than ${counted(this.threshold, "error")} since the last Clear`;
    if (over && text.textContent !== said) text.textContent = said;
    count.textContent = over ? `(${this.errors.toLocaleString("en")})` : "";
    document.title = [this.errors > 0 ? `(${this.errors})` : "", this.#env, this.#env === "" ? "poslogs" : "· poslogs"]
      .filter((part) => part !== "")
      .join(" ");
  }

  /** @param {Entry} error */
  #call(error) {
    this.#told = true;
    if (!document.hidden || globalThis.Notification?.permission !== "granted") return;
    const text = `${counted(this.errors, "error")} in ${this.#env}. The latest: ${error.message.slice(0, 200)}`;
    try {
      const call = new Notification("poslogs", { body: visible(text), tag: this.#env, icon: "page/icon.svg" });
      call.addEventListener("click", () => globalThis.focus());
    } catch {
      // phones have notifications for service workers only; the alert is in the page all the same
    }
  }

  async #ask() {
    await Notification.requestPermission();
    this.#showNotify();
  }

  #showNotify() {
    const permission = globalThis.Notification?.permission;
    this.#notify.disabled = permission !== "default";
    this.#notify.textContent =
      { default: "Notify me", granted: "You are notified", denied: "Notifications are blocked" }[permission] ??
      "No notifications here";
    this.#notify.title = "When this tab is hidden and the alert comes, the browser tells you";
  }
}
