/** The alert: it appears when more errors have come than the reader allows, since the opening or a Clear. */
/** @import { Entry } from "../types.d.ts" */
import { now } from "./clock.js";
import * as storage from "./storage.js";
import { counted, visible } from "./text.js";
import { clock } from "./zone.js";

const MOST = 100_000; // of the threshold
const EXACT_MS = 1000; // to which sites tell their times
const KEY = "poslogs.alert";

/** Counts errors. Shows itself in `box` once there are more than the number in `threshold`. */
export class Alert {
  errors = 0;

  #box;
  #threshold;
  #notify;
  #env = "";
  #since = 0; // when the count began, in ms since 1970
  #notified = false; // since the count began

  /** @param {HTMLElement} box @param {HTMLInputElement} threshold @param {HTMLButtonElement} notify */
  constructor(box, threshold, notify) {
    this.#box = box;
    this.#threshold = threshold;
    this.#notify = notify;
    threshold.value = storage.get(KEY) ?? threshold.value;
    threshold.addEventListener("input", () => {
      storage.set(KEY, threshold.value);
      this.#show();
    });
    notify.addEventListener("click", () => this.#ask());
    this.#showNotify();
  }

  /** How many errors do not yet raise the alert. */
  get threshold() {
    const number = this.#threshold.valueAsNumber;
    return Number.isFinite(number) ? Math.min(MOST, Math.max(0, number)) : 10;
  }

  /** Counts the errors of an environment, or of several; those from before are history. @param {string} env */
  open(env) {
    this.#env = visible(env);
    this.begin(Math.floor(now() / EXACT_MS) * EXACT_MS);
  }

  /**
   * Starts the count again at zero. Returns what undoes it.
   * @param {number} since ms since 1970; earlier entries of the past do not count
   */
  begin(since = now()) {
    const [errors, before, notified] = [this.errors, this.#since, this.#notified];
    this.errors = 0;
    this.#since = since;
    this.#notified = false;
    this.#show();
    return () => {
      this.errors += errors;
      this.#since = before;
      this.#notified ||= notified;
      this.#show();
    };
  }

  /** Counts entries that have come. `past`: they were there before. @param {Entry[]} entries @param {boolean} past */
  add(entries, past) {
    const since = past ? this.#since : 0;
    const errors = entries.filter(({ type, timestamp }) => type === "error" && Date.parse(timestamp) >= since);
    const latest = errors.at(-1);
    if (latest === undefined) return;
    this.errors += errors.length;
    this.#show();
    if (this.errors > this.threshold && !this.#notified) this.#call(latest);
  }

  #show() {
    const over = this.errors > this.threshold;
    this.#box.hidden = !over;
    const [text, count] = this.#box.children;
    const said = `More than ${counted(this.threshold, "error")} since ${clock(this.#since)}`;
    if (over && text.textContent !== said) text.textContent = said;
    count.textContent = over ? `(${this.errors.toLocaleString("en")})` : "";
    document.title = [this.errors > 0 ? `(${this.errors})` : "", this.#env, this.#env === "" ? "poslogs" : "· poslogs"]
      .filter((part) => part !== "")
      .join(" ");
  }

  /** @param {Entry} error */
  #call(error) {
    this.#notified = true;
    if (!document.hidden || globalThis.Notification?.permission !== "granted") return;
    const where = visible(error.env) === this.#env ? "" : ` in ${visible(error.env)}`;
    const text = `${counted(this.errors, "error")} in ${this.#env}. The latest${where}: ${error.message.slice(0, 200)}`;
    try {
      const call = new Notification("poslogs", { body: visible(text), tag: this.#env, icon: "page/icon.svg" });
      call.addEventListener("click", () => globalThis.focus());
    } catch {
      // on phones only service workers can notify; the alert is in the page anyway
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
      { default: "Notify me", granted: "Notifications are on", denied: "Notifications are blocked" }[permission] ??
      "Notifications are not available";
    this.#notify.title = "If this tab is hidden when the alert appears, the browser notifies you";
  }
}
