/** The upkeep: what this tab has to know besides the log, of the server's version and of the time. */
/** @import { LogEvent } from "../types.d.ts" */
import * as clock from "./clock.js";
import { place, within } from "./places.js";
import * as session from "./session.js";
import { visible } from "./text.js";
import { lasting } from "./times.js";

const SETTLE_MS = 500; // until a server that was away is asked
const SPREAD_MS = 2_000; // by chance later: it may have many readers
const MINUTE = 60_000;
const LOOK_MS = MINUTE; // until it is seen that the browser's clock was set
const SET_MS = 10_000; // by which it is then other than it should be

/**
 * Has the page say that its version is not the server's any more, or that the browser's clock is wrong. `ask()` has the
 * server tell both; `onTime()` is called when it is another time than was thought. Returns what takes the events of a stream.
 * @param {() => void} ask @param {() => void} onTime
 */
export function install(ask, onTime) {
  const box = place("upkeep", HTMLElement);
  const reload = within(box, "button", HTMLButtonElement);
  reload.addEventListener("click", () => location.reload());

  function tell() {
    const by = clock.wrongBy();
    const isOld = session.version !== "" && session.serverVersion() !== session.version;
    const version = `The server is of version ${visible(session.serverVersion())} now, and this page of ${visible(session.version)}.`;
    const time = `This computer's clock is ${lasting(Math.round(Math.abs(by) / MINUTE) * MINUTE)} ${by > 0 ? "ahead" : "behind"}; the page goes by the server's.`;
    const said = [isOld ? version : "", by === 0 ? "" : time].filter((part) => part !== "").join(" ");
    const text = within(box, "span", HTMLElement);
    if (text.textContent !== said) text.textContent = said;
    reload.hidden = !isOld;
    box.hidden = said === "";
  }

  clock.watch(() => {
    tell();
    onTime();
  });
  session.watch(tell);
  tell();

  let shift = Date.now() - performance.now();
  setInterval(() => {
    const now = Date.now() - performance.now(); // other than before if the clock was set, or the computer has slept
    if (Math.abs(now - shift) > SET_MS && session.token() !== "") ask();
    shift = now;
  }, LOOK_MS);

  let wasAway = false;
  return (/** @type {LogEvent} */ { state }) => {
    if (state === "reconnecting") wasAway = true;
    if (!wasAway || (state !== "live" && state !== "asking")) return;
    wasAway = false;
    setTimeout(ask, SETTLE_MS + Math.random() * SPREAD_MS);
  };
}
