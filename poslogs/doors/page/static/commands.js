/** The commands: what the page's buttons and keys do. */
/**
 * @import { Address } from "./address.js" @import { Alert } from "./alert.js"
 * @import { Choice } from "./choice.js" @import { Connection } from "./connection.js" @import { Current } from "./current.js"
 * @import { Finder } from "./finder.js" @import { List } from "./list.js" @import { Log } from "./log.js" @import { Overview } from "./overview.js"
 * @import { Rows } from "./rows.js" @import { Saving } from "./saving.js" @import { Steps } from "./steps.js"
 * @import { View } from "./view.js"
 */
import { shown } from "./filter.js";
import * as frame from "./frame.js";
import * as keys from "./keys.js";
import { ends } from "./narrowing.js";
import { around, place } from "./places.js";
import { isError } from "./steps.js";
import { Undo } from "./undo.js";

/**
 * @typedef {{ address: Address, alert: Alert, choice: Choice, connection: Connection, current: Current, finder: Finder,
 *   list: List, log: Log, overview: Overview, rows: Rows, saving: Saving, steps: Steps, view: View, moved: () => void }} Parts
 */

/** Have them act on the page's parts; `moved()` says that the list has changed. Returns the way back from a clearing. @param {Parts} parts */
export function install({ address, alert, choice, connection, current, finder, list, log, overview, rows, saving, steps, view, moved }) {
  const undo = new Undo(place("cleared", HTMLElement));
  const acts = {
    clear() {
      const isEmpty = log.store.entries.length === 0;
      const back = [log.clear(), alert.begin()];
      list.follow();
      if (!isEmpty) undo.offer(() => back.forEach((act) => act()));
    },
    undo: () => undo.take(),
    pause() {
      view.pause(!view.paused);
      connection.pause(view.paused);
      moved();
    },
    download: () => saving.save(log.env),
    help: () => place("shortcuts", HTMLDialogElement).showModal(),
    jump() {
      address.stay();
      current.set(undefined);
      list.follow();
    },
  };
  const jump = () => {
    acts.jump();
    if (!ends(view.narrowing)) return;
    overview.narrow({ time: undefined });
    list.follow();
  };
  const clicks = {
    ...acts,
    jump,
    onward: jump,
    "alert-show"() {
      acts.jump(); // the alert counts the newest
      overview.show({ type: "error" });
    },
    "alert-dismiss": () => alert.begin(),
    reconnect: () => log.open(log.env, log.tool, log.filter),
  };
  for (const [id, act] of Object.entries(clicks)) place(id, HTMLElement).addEventListener("click", act);
  choice.watch(() => {
    undo.end();
    address.choose();
  });
  for (const id of ["search", "regex"]) place(id, HTMLElement).addEventListener("input", () => address.keep());
  place("only", HTMLElement).addEventListener("change", () => address.step());
  keys.install(place("shortcuts", HTMLDialogElement), {
    ...acts,
    ...rows.actions,
    search: () => place("search", HTMLElement).focus(),
    filter: () => frame.focus("filter"),
    next: () => finder.step(1),
    previous: () => finder.step(-1),
    nextError: () => steps.to(1, isError),
    previousError: () => steps.to(-1, isError),
    leave(event) {
      if (around(event, "input, select") === null) {
        overview.narrow(null);
        return;
      }
      choice.filter = shown(log.filter);
      place("log", HTMLElement).focus();
    },
  });
  return undo;
}
