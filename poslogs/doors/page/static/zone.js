/** The zone: in which time zone moments are shown, that of the reader or UTC, and how. One form, of 24 hours, everywhere. */
import { now } from "./clock.js";
import * as storage from "./storage.js";
import { element } from "./tree.js";

const KEY = "poslogs.times";
const MINUTE = 60_000; // milliseconds
const HOURS = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

let zone = formats(storage.get(KEY) === "utc");
let today = day(now());

/** @param {boolean} utc */
function formats(utc) {
  const form = (/** @type {Intl.DateTimeFormatOptions} */ parts) => new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: utc ? "UTC" : undefined });
  return {
    utc,
    hour: form(HOURS),
    second: form({ ...HOURS, second: "2-digit" }),
    date: form({ day: "numeric", month: "short" }),
    day: form({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    name: form({ timeZoneName: "shortOffset" }),
  };
}

/** The day of a moment, such as `Sunday, 29 November 2026`. @param {number} moment */
export function day(moment) {
  return zone.day.format(moment);
}

/** A moment as a clock shows it, such as `14:05`. @param {number} moment */
export function hour(moment) {
  return zone.hour.format(moment);
}

/** The same, with the day unless it is today. @param {number} moment */
export function clock(moment) {
  return `${withDay(moment)}${hour(moment)}`;
}

/** How far the clocks of a moment are behind UTC, in ms. @param {number} moment */
export function behind(moment) {
  return zone.utc ? 0 : new Date(moment).getTimezoneOffset() * MINUTE;
}

/** The element of a time, to the millisecond; `dated`: with the day unless it is today. @param {string} timestamp */
export function time(timestamp, dated = false) {
  const shown = element("time", dated ? "dated" : "", "");
  shown.dateTime = timestamp;
  shown.title = `${timestamp.replace("T", " ").replace("Z", "")} UTC`;
  tell(shown);
  return shown;
}

/** @param {HTMLTimeElement} shown */
function tell(shown) {
  const at = Date.parse(shown.dateTime);
  const millis = String(new Date(at).getMilliseconds()).padStart(3, "0");
  shown.textContent = `${shown.className === "dated" ? withDay(at) : ""}${zone.second.format(at)}.${millis}`;
}

/** The zone that is shown, as it is at a moment: `Europe/Warsaw, UTC+1`, or `UTC`. @param {number} moment */
export function named(moment) {
  if (zone.utc) return "UTC";
  const offset = zone.name.formatToParts(moment).find(({ type }) => type === "timeZoneName")?.value.replace("GMT", "UTC") ?? "";
  return `${zone.name.resolvedOptions().timeZone}, ${offset}`;
}

/** @param {number} moment */
function withDay(moment) {
  return day(moment) === today ? "" : `${zone.date.format(moment)} `;
}

/**
 * Have a box choose between the two zones, and an element name the one that is shown. `onChange()` is called when moments
 * are shown otherwise: at a choice, and at midnight. Returns what does the same when it turns out to be another time.
 * @param {HTMLSelectElement} box @param {HTMLElement} name @param {() => void} onChange
 */
export function install(box, name, onChange) {
  const show = () => {
    today = day(now());
    name.textContent = named(now());
    for (const each of document.querySelectorAll("time")) tell(each);
    onChange();
  };
  box.value = zone.utc ? "utc" : "local";
  box.addEventListener("change", () => {
    zone = formats(box.value === "utc");
    storage.set(KEY, box.value);
    show();
  });
  setInterval(() => day(now()) !== today && show(), MINUTE);
  show();
  return show;
}
