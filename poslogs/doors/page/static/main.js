/** The page: its parts put together. */
import { Alert } from "./alert.js";
import { announce } from "./announcer.js";
import { Connection } from "./connection.js";
import { save } from "./download.js";
import { draw } from "./entry.js";
import { Finder } from "./finder.js";
import * as keys from "./keys.js";
import * as link from "./link.js";
import { List } from "./list.js";
import { Log } from "./log.js";
import { Overview } from "./overview.js";
import { Pins } from "./pins.js";
import { Rows } from "./rows.js";
import * as session from "./session.js";
import * as signin from "./signin.js";
import { visible } from "./text.js";
import { View } from "./view.js";

const brought = link.takeToken(); // before anything else sees the address
const ASK_MS = 10_000; // between two questions whether platformOS answers again

const $ = (id) => document.getElementById(id);

const connection = new Connection($("state"), $("heard"), (kind) => {
  $("connection").dataset.kind = kind;
  $("reconnect").hidden = kind !== "ended";
});
const log = new Log(
  () => ({ base: session.base, token: session.token() }),
  (event, fresh, opening) => {
    connection.take(event);
    if (event.trouble !== undefined) askWhetherItAnswers();
    if (opening || !event.past) alert.add(fresh, opening); // what a change of filter brings again was counted
  },
);
const finder = new Finder({ search: $("search"), regex: $("regex"), only: $("only"), found: $("found") }, log.store);
const view = new View(log.store, (entry) => finder.matches(entry));
const overview = new Overview(log.store, view, {
  byType: $("by-type"),
  byHour: $("by-hour"),
  groups: $("groups").querySelector(".list"),
  held: $("held"),
  nothing: $("nothing"),
  filter: () => log.filter,
  narrowed: $("narrowed"),
  narrowedTo: $("narrowed-to"),
});
const pins = new Pins($("pins"), (id) => rows.pinned(id));
const drawn = (entry) => draw(entry, { ranges: finder.ranges(entry), pinned: pins.has(log.env, entry.id) });
const list = new List($("log"), $("rows"), view, drawn, moved);
const narrow = (parts) => overview.narrow(parts);
const rows = new Rows($("rows"), list, { pins, finder, env: () => log.env, narrow });
const alert = new Alert($("alert"), $("threshold"), $("notify"));
finder.attach(view, list, $("previous"), $("next"));
announce($("announcer"), log.store);

/** The list has more, or less, or has moved. */
function moved() {
  $("jump").hidden = list.following;
  $("jump").textContent = `${list.missed.toLocaleString("en")} new, jump to live`;
  $("pause").textContent = view.paused ? `Resume${view.waiting > 0 ? ` (${view.waiting.toLocaleString("en")})` : ""}` : "Pause";
  overview.drawSoon();
}

// What is watched

function fill(environments) {
  const option = ({ name, demo }) => {
    const made = new Option(visible(name) + (demo ? " (demo)" : ""), name);
    made.dataset.demo = String(demo);
    return made;
  };
  const gone = log.env === "" || environments.some(({ name }) => name === log.env) ? [] : [{ name: log.env }];
  $("environment").replaceChildren(...[...environments, ...gone].map(option));
  $("environment").value = log.env;
}

/** Watch what the link names, as far as this server has it. */
function open() {
  const { env, tool, filter = "", search = "", regex } = link.read();
  const select = (box, value) => {
    box.value = value;
    if (box.selectedIndex < 0) box.selectedIndex = 0;
  };
  select($("environment"), env);
  select($("tool"), `platformos.logs.${tool}`);
  $("filter").value = filter.slice(0, $("filter").maxLength);
  finder.set(search, Boolean(regex));
  watch(env);
}

/** Watch what the controls say; `wanted` is the environment that a link asks for. */
function watch(wanted = $("environment").value) {
  const [env, tool, filter] = [$("environment").value, $("tool").value, $("filter").value.trim()];
  if (env !== log.env) {
    narrow(null);
    alert.open(env);
    list.follow();
  }
  if (env !== log.env || tool !== log.tool) log.open(env, tool, filter);
  else if (filter !== log.filter) log.setFilter(filter);
  const notes = [
    wanted !== env ? `The link asks for the environment ${visible(wanted)}, which is not here; this is ${visible(env)}.` : "",
    $("environment").selectedOptions[0].dataset.demo === "true" ? "This environment is a demo: simulated, not a real site." : "",
  ];
  $("note").textContent = notes.join(" ").trim();
  $("note").hidden = $("note").textContent === "";
  remember();
}

function remember() {
  const { search, regex } = finder;
  link.write({ env: log.env, tool: log.tool.split(".").at(-1), filter: log.filter, search, regex: regex ? "1" : "" });
}

let asking = false;

/** While platformOS does not answer, ask the server now and then whether it does again: a quiet log does not tell. */
function askWhetherItAnswers() {
  if (asking) return;
  asking = true;
  setTimeout(async () => {
    asking = false;
    if (!connection.troubled) return;
    const environments = document.hidden ? [] : await session.environments(session.token()).catch(() => []);
    const ours = environments.find(({ name }) => name === log.env);
    if (ours !== undefined && ours.failing === undefined) connection.recovered();
    else askWhetherItAnswers();
  }, ASK_MS);
}

// Controls

const on = (id, event, act) => $(id).addEventListener(event, act);

const acts = {
  clear() {
    log.clear();
    alert.begin();
    list.follow();
  },
  pause() {
    view.pause(!view.paused);
    connection.pause(view.paused);
    moved();
  },
  download: () => save(view.narrowed(), $("format").value, log.env),
  help: () => $("shortcuts").showModal(),
  jump: () => list.follow(),
};

for (const id of ["environment", "tool"]) on(id, "change", () => watch());
on("filter", "keydown", ({ key, isComposing }) => key === "Enter" && !isComposing && watch());
for (const id of ["search", "regex"]) on(id, "input", remember);
const clicks = {
  ...acts,
  all: () => narrow(null),
  "alert-show": () => narrow({ type: "error" }),
  "alert-dismiss": () => alert.begin(),
  reconnect: () => log.open(log.env, log.tool, log.filter),
};
for (const [id, act] of Object.entries(clicks)) on(id, "click", act);
on("forget", "click", () => {
  session.forget();
  pins.clear();
  location.reload();
});
addEventListener("hashchange", () => {
  const token = link.takeToken();
  if (token !== "" && token !== session.token()) takeOver(token);
  else if (log.env !== "") open();
});

/** Go on with another token than the tab has: what is shown was read with the old one, so the page begins anew. */
function takeOver(token) {
  if (log.env === "") return connect(token);
  session.forget();
  session.keep(token);
  pins.clear();
  location.reload();
}

keys.install($("shortcuts"), {
  ...acts,
  ...rows.actions,
  search: () => $("search").focus(),
  filter: () => $("filter").focus(),
  next: () => finder.step(1),
  previous: () => finder.step(-1),
  leave(event) {
    if (!event.target.matches("input, select")) return narrow(null);
    $("filter").value = log.filter;
    $("log").focus();
  },
});

const connect = signin.install({
  form: $("connect"),
  field: $("token"),
  demo: $("demo"),
  brought,
  tell: (sentence) => connection.tell(sentence),
  ready(environments) {
    $("token").value = "";
    fill(environments);
    document.body.dataset.screen = "log";
    open();
    $("log").focus({ preventScroll: true });
  },
  changed: fill,
});
