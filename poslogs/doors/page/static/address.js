/** The address: the view that is looked at, as a link with its steps in the browser's history, and back. */
/** @import { Entry, Narrowing } from "../types.d.ts" */
/** @import { Alert } from "./alert.js" @import { Choice } from "./choice.js" @import { Current } from "./current.js" */
/** @import { Finder } from "./finder.js" @import { List } from "./list.js" @import { Log } from "./log.js" */
/** @import { Overview } from "./overview.js" @import { Steps } from "./steps.js" @import { View } from "./view.js" */
import { Arrival, placed } from "./arrival.js";
import { shown } from "./filter.js";
import * as link from "./link.js";
import { fromLink, isSame, toLink } from "./narrowing.js";
import { Period } from "./period.js";
import { Reach } from "./reach.js";
import { withTerm } from "./term.js";
import { wants } from "./wanted.js";

const SOON_MS = 300; // until the reader's place is written; browsers bound how often

/** @typedef {import("./arrival.js").Place} Place */
/**
 * @typedef {{ choice: Choice, log: Log, view: View, overview: Overview, finder: Finder, list: List, current: Current,
 *   steps: Steps, alert: Alert }} Looked
 */

export class Address {
  #looked;
  #arrival;
  #reach;
  #period;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /** @param {Looked} looked @param {{ last: HTMLSelectElement, since: HTMLInputElement, told: HTMLElement }} boxes */
  constructor(looked, { last, since, told }) {
    this.#looked = looked;
    this.#arrival = new Arrival({ ...looked, box: told });
    this.#reach = new Reach(looked.log, told);
    this.#period = new Period(last, since, (parts) => looked.overview.narrow(parts));
  }

  /** What is looked at has moved: it may show what the link names, and its place is kept. */
  look() {
    this.#arrival.look();
    this.#soon ??= setTimeout(() => this.#write(false), SOON_MS);
  }

  /** Go to no entry any more. */
  stay() {
    this.#arrival.cancel();
  }

  /** Look at what the link names, as far as this server has it. `again`: another link than before. */
  open(again = false) {
    const { env, tool = "live", query = "", search = "", regex, only, at = "", ...more } = link.read();
    const { choice, finder, list, log, view } = this.#looked;
    /** @type {{ place?: Place, end?: boolean } | null} */
    const state = history.state;
    choice.choose(env ?? "", `platformos.logs.${tool}`);
    choice.filter = query;
    finder.set(search, Boolean(regex), Boolean(only));
    this.#watch(env, fromLink(more));
    const place = placed(at, log.env);
    if (place) this.#arrival.to({ ...place, offset: state?.place?.id === place.id ? state.place.offset : undefined });
    else if (state?.place) this.#arrival.to({ ...state.place, current: false });
    else {
      this.#arrival.cancel();
      if (again) list.follow();
      if (state === null && (view.narrowing.time?.from ?? 0) > 0) this.#arrival.toBeginning(this.#reach.to(view.narrowing.time));
    }
    this.#write(false);
  }

  /** Leave the filter and all narrowing, to look at an entry among all that is around it. @param {Entry} entry */
  showAround(entry) {
    this.keep();
    const { choice, log, finder, list, current } = this.#looked;
    const known = log.filter === "";
    current.set(entry);
    list.stay();
    choice.filter = "";
    finder.set(finder.search, finder.regex, false);
    this.#watch(choice.env, {});
    this.#arrival.to({ env: entry.env, id: entry.id }, known);
    this.step();
  }

  /** Watch what is chosen now. */
  choose() {
    const { choice, log, view, list } = this.#looked;
    this.keep();
    const seen = log.filter === "" || choice.env !== log.env ? undefined : this.#seen;
    this.#watch(choice.env, choice.env === log.env ? view.narrowing : {});
    const place = list.place;
    if (seen !== undefined && place !== null && wants(log.filter, seen)) {
      // What another filter lets in may reach less far back than what was held.
      this.#arrival.to({ env: seen.env, id: seen.id, offset: place.entry === seen ? place.offset : undefined });
    }
    this.step();
  }

  /** Watch only what a term more holds for. @param {string} term of the query language */
  ask(term) {
    const { choice, log } = this.#looked;
    choice.filter = withTerm(shown(log.filter), term);
    this.choose();
  }

  /** What is looked at has changed by the reader's will: the way back leads to what it was. */
  step() {
    this.#write(true);
  }

  /** What is looked at has changed by the way. */
  keep() {
    this.#write(false);
  }

  /** @param {string | undefined} wanted environment @param {Narrowing} narrowing */
  #watch(wanted, narrowing) {
    const { choice, log, view, overview, list, alert } = this.#looked;
    const { env, tool, filter } = choice;
    if (!isSame(view.narrowing, narrowing)) overview.set(narrowing);
    if (env !== log.env) {
      this.#arrival.cancel();
      alert.open(choice.label);
      list.follow();
    }
    if (env !== log.env || tool !== log.tool) log.open(env, tool, filter);
    else if (filter !== log.filter) log.setFilter(filter);
    choice.tell(wanted ?? env);
  }

  /** The current entry, where it is on the screen. */
  get #seen() {
    const { current, list } = this.#looked;
    const number = list.lines.find(current.entry);
    if (number === undefined) return undefined;
    const { from, to } = list.screen;
    return number >= from && number <= to ? current.entry : undefined;
  }

  /** A link to an entry, in the view that is looked at. @param {Entry} entry */
  linkTo(entry) {
    return link.whole(this.#parts(this.#named(entry)));
  }

  /** @param {{ env: string, id: string }} entry */
  #named({ env, id }) {
    return id === "" || env === this.#looked.log.env ? id : `${env}:${id}`;
  }

  /** The entry that the link names: the one that the reader goes to, or that is current and on the screen. */
  get #at() {
    return this.#named((this.#arrival.going?.current ?? true ? this.#arrival.going : null) ?? this.#seen ?? { env: "", id: "" });
  }

  /** Where the reader is, for when this step is come back to. @returns {{ place?: Place, end?: boolean } | null} */
  get #state() {
    const { list, view } = this.#looked;
    const { place } = list;
    if (this.#arrival.isUnderWay || (place === null && !list.following)) return history.state;
    if (place === null) return view.narrowing.time === undefined ? null : { end: true };
    return { place: { env: place.entry.env, id: place.entry.id, offset: Math.round(place.offset) } };
  }

  /** @param {boolean} step */
  #write(step) {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const { log, view } = this.#looked;
    if (log.env === "") return;
    this.#reach.to(view.narrowing.time);
    this.#period.tell(view.narrowing.time);
    link.write(this.#parts(this.#at), { step, state: this.#state });
  }

  /** What is looked at, as parts of a link. @param {string} at */
  #parts(at) {
    const { log, view, finder: { search, regex, only } } = this.#looked;
    return {
      env: log.env,
      tool: log.tool.split(".").at(-1),
      query: shown(log.filter),
      search,
      regex: regex ? "1" : "",
      only: only ? "1" : "",
      ...toLink(view.narrowing),
      at,
    };
  }
}
