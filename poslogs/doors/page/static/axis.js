/** The axis of the histogram: how long a column is, where columns begin, and which of them are named. */
import { behind } from "./zone.js";

const MINUTE = 60_000; // milliseconds
const MOST = 70; // columns
const LEAST = 40; // columns, also where entries are younger: a column is as wide as it was a minute ago
const MOST_TICKS = 6;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE);
const TICKS = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160].map((minutes) => minutes * MINUTE);

/**
 * The axis for entries from minute `oldest` to minute `newest`: the starts of its columns in ms since 1970, all `step` ms
 * apart, 40 to 70 of them; which of them are named; and `begin(moment)`, the start of the column that a moment is in.
 * Beyond 70 days it shows the newest.
 * @param {number} oldest @param {number} newest
 */
export function axis(oldest, newest) {
  const shift = behind(newest);
  const fits = (/** @type {number} */ step) => beginning(newest, step, shift) - beginning(oldest, step, shift) < MOST * step;
  const step = STEPS.find(fits) ?? STEPS[STEPS.length - 1];
  const last = beginning(newest, step, shift);
  const wanted = (last - beginning(oldest, step, shift)) / step + 1;
  const count = Math.min(MOST, Math.max(LEAST, wanted));
  const columns = Array.from({ length: count }, (_, n) => last - (count - 1 - n) * step);
  const apart = TICKS.find((each) => each >= step && (count * step) / each <= MOST_TICKS) ?? TICKS[TICKS.length - 1];
  return {
    step,
    columns,
    ticks: columns.filter((at) => beginning(at, apart, shift) === at),
    begin: (/** @type {number} */ moment) => beginning(moment, step, shift),
  };
}

/** A step as people say it: `minute`, `5 minutes`, `hour`. @param {number} step */
export function named(step) {
  const minutes = step / MINUTE;
  const [count, unit] = minutes % 1440 === 0 ? [minutes / 1440, "day"] : minutes % 60 === 0 ? [minutes / 60, "hour"] : [minutes, "minute"];
  return count === 1 ? unit : `${count} ${unit}s`;
}

/**
 * All columns are equally long. They begin where the clocks of the newest show a full hour, or minute: each moment needs
 * a column, even if clocks change by half an hour.
 * @param {number} moment @param {number} step @param {number} shift
 */
function beginning(moment, step, shift) {
  return Math.floor((moment - shift) / step) * step + shift;
}
