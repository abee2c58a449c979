/** The portion: how many lines of the log are drawn at once. */

export const NEAR = 1_000; // pixels from an end of what is drawn, where more is drawn
const LEAST_LINE = 20; // pixels

let lines = 0;

/** As many lines as fill the window and what is near, however short they are: more would keep the reader waiting. */
export function portion() {
  return lines;
}

function measure() {
  lines = Math.ceil((innerHeight + NEAR) / LEAST_LINE);
}

addEventListener("resize", measure);
measure(); // not at each need, where it would have the browser lay out what was drawn so far
