/** The page: its parts put together. */
/** @import { Entry, Environment, Narrow } from "../types.d.ts" */
import { Address } from "./address.js";
import { Alert } from "./alert.js";
import { announce } from "./announcer.js";
import { Choice } from "./choice.js";
import * as commands from "./commands.js";
import { Connection } from "./connection.js";
import { Current } from "./current.js";
import { draw } from "./entry.js";
import { Divider } from "./divider.js";
import { shown } from "./filter.js";
import { Finder } from "./finder.js";
import * as frame from "./frame.js";
import * as invitation from "./invitation.js";
import * as link from "./link.js";
import { Lines } from "./lines.js";
import { List } from "./list.js";
import { Log } from "./log.js";
import * as looking from "./looking.js";
import { Overview } from "./overview.js";
import { Pins } from "./pins.js";
import { place } from "./places.js";
import * as recovery from "./recovery.js";
import { Rows } from "./rows.js";
import { Saving } from "./saving.js";
import * as session from "./session.js";
import * as signin from "./signin.js";
import { Steps } from "./steps.js";
import { tally } from "./tally.js";
import { Suggestions } from "./suggestions.js";
import { View } from "./view.js";
import { Vocabulary } from "./vocabulary.js";
import { install as installUpkeep } from "./upkeep.js";
import * as zone from "./zone.js";

const brought = link.takeToken(); // before anything else sees the address

const $ = (/** @type {string} */ id) => place(id, HTMLElement);
const input = (/** @type {string} */ id) => place(id, HTMLInputElement);
const choice = new Choice({
  environment: place("environment", HTMLSelectElement),
  tool: place("tool", HTMLSelectElement),
  filter: input("filter"),
  note: $("note"),
}, (word) => vocabulary.isType(word));
const places = { state: $("state"), heard: $("heard"), news: $("news") };
const connection = new Connection(places, () => choice.names, (kind) => {
  $("connection").dataset.kind = kind;
  $("reconnect").hidden = kind !== "ended";
});
const askWhetherItAnswers = recovery.install(connection, () => choice.names);
const log = new Log(
  () => ({ base: session.base, token: session.token(), heartbeat: session.heartbeat(), names: choice.names }),
  (event, fresh, opening) => {
    connection.take(event);
    upkeep(event);
    if (event.trouble !== undefined) askWhetherItAnswers();
    if (event.notice !== undefined) askAgain();
    if (opening) list.know();
    if (opening || !event.past) alert.add(fresh, opening); // what a change of filter brings again was counted
  },
);
const vocabulary = new Vocabulary(log.store);
const boxes = { search: input("search"), regex: input("regex"), only: input("only"), found: $("found") };
const finder = new Finder(boxes, log.store);
const view = new View(log.store, (entry) => finder.matches(entry));
const overview = new Overview(log.store, view, {
  byType: $("by-type"),
  byHour: $("by-hour"),
  groups: $("groups"),
  held: $("held"),
  nothing: $("nothing"),
  filter: () => shown(log.filter),
  watched: () => choice.label,
  cleared: () => log.isCleared,
  narrowed: $("narrowed"),
  onNarrow: (isTime) => {
    if (isTime) steps.begin();
    address.step();
  },
});
const pins = new Pins($("pins"), (env, id) => rows.pinned(env, id), (entry) => address.showAround(entry));
const isAmid = (/** @type {Entry} */ { env }) => env !== log.env; // others are watched with it
const drawn = (/** @type {Entry} */ entry) => {
  const row = draw(entry, { ranges: finder.ranges(entry), pinned: pins.has(entry.env, entry.id), amid: isAmid(entry) });
  current.drew(row, entry);
  rows.drew(row, entry);
  return row;
};
const said = (/** @type {HTMLElement} */ row, /** @type {Entry} */ entry, /** @type {number} */ line) => {
  divider.divide(row, entry, view.shown.at(lines.numberAt(line) - 1), lines.at(line - 1));
  tally(row, lines.streakAt(line));
};
const divider = new Divider(log.gaps, () => log.filter === "" && !view.isNarrowed);
const lines = new Lines(view, {
  isApart: (entry, before) => divider.isApart(entry, before),
  isKept: (entry) => current.is(entry) || rows.isOpen(entry),
});
const list = new List($("log"), $("rows"), view, lines, drawn, said, moved);
const narrow = (/** @type {Parameters<Narrow>[0]} */ parts) => overview.narrow(parts);
const current = new Current($("rows"), list.slice, moved);
const rows = new Rows($("rows"), list, { current, pins, finder, narrow, context: (entry) => address.showAround(entry), linkTo: (entry) => address.linkTo(entry), ask: (term) => address.ask(term) });
const steps = new Steps(view.shown, list, current);
const alert = new Alert($("alert"), input("threshold"), place("notify", HTMLButtonElement));
const times = { last: place("last", HTMLSelectElement), since: input("since"), told: $("reached") };
const address = new Address({ choice, log, view, overview, finder, list, current, steps, alert }, times);
looking.install(view, list, divider);
const tellZone = zone.install(place("times", HTMLSelectElement), $("zone"), () => { list.tell(); frame.tell(list, view); overview.drawSoon(); });
const upkeep = installUpkeep(askAgain, tellZone);
new Suggestions(input("filter"), $("suggestions"), () => vocabulary.types);
const saved = { button: $("download"), format: place("format", HTMLSelectElement), what: place("what", HTMLSelectElement) };
const saving = new Saving(saved, view.shown, log.store.entries);
finder.attach(view, list, steps, (row, entry) => rows.open(row, entry), $("previous"), $("next"));
announce($("announcer"), log.store, isAmid);

/** The list has more, or less, or has moved. */
function moved() {
  frame.tell(list, view);
  saving.tell();
  address.look();
  overview.drawSoon();
}

const undo = commands.install({ address, alert, choice, connection, current, finder, list, log, overview, rows, saving, steps, view, moved });
$("forget").addEventListener("click", () => startAgain());
addEventListener("hashchange", () => {
  const token = link.takeToken();
  if (log.env === "") invitation.tell();
  if (token !== "" && token !== session.token()) (log.env === "" ? connect : startAgain)(token);
  else if (log.env !== "") {
    undo.end();
    address.open(true);
  }
});

/** What the server offers, and of what version it is, may have changed. */
function askAgain() {
  session.environments(session.token()).then(offer, () => {});
}

/** What is shown was read with the token that is let go of. */
function startAgain(token = "") {
  session.forget();
  if (token !== "") session.keep(token);
  pins.clear();
  location.reload();
}
frame.install(lines, list);

invitation.tell();
const field = input("token");
const offer = (/** @type {Environment[]} */ environments) => choice.offer(environments, log.env);
const connect = signin.install({
  form: place("connect", HTMLFormElement),
  field,
  demo: $("demo"),
  brought,
  tell: (sentence) => connection.tell(sentence),
  ready(environments) {
    field.value = "";
    offer(environments);
    document.body.dataset.screen = "log";
    address.open();
    $("log").focus({ preventScroll: true });
  },
  changed: offer,
});
