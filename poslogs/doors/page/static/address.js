/** The address: the view that is looked at, as a link with its steps in the browser's history, and back. */
/** @import { Narrowing } from "../types.d.ts" */
/** @import { Alert } from "./alert.js" @import { Choice } from "./choice.js" @import { Current } from "./current.js" */
/** @import { Finder } from "./finder.js" @import { List } from "./list.js" @import { Log } from "./log.js" */
/** @import { Overview } from "./overview.js" @import { View } from "./view.js" */
import { shown } from "./filter.js";
import * as link from "./link.js";
import { fromLink, isSame, toLink } from "./narrowing.js";

const SOON_MS = 300; // until the reader's place is written; browsers bound how often

/**
 * @typedef {{ choice: Choice, log: Log, view: View, overview: Overview, finder: Finder, list: List, current: Current,
 *   alert: Alert }} Looked
 */

export class Address {
  #looked;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /** @param {Looked} looked */
  constructor(looked) {
    this.#looked = looked;
  }

  /** Look at what the link names, as far as this server has it. */
  open() {
    const { env, tool = "live", query = "", search = "", regex, only, ...more } = link.read();
    const { choice, finder } = this.#looked;
    choice.choose(env ?? "", `platformos.logs.${tool}`);
    choice.filter = query;
    finder.set(search, Boolean(regex), Boolean(only));
    this.#watch(env, fromLink(more));
    this.#write(false);
  }

  /** Watch what is chosen now. */
  choose() {
    const { choice, log, view } = this.#looked;
    this.#watch(choice.env, choice.env === log.env ? view.narrowing : {});
    this.step();
  }

  /** What is looked at has changed by the reader's will: the way back leads to what it was. */
  step() {
    this.#write(true);
  }

  /** What is looked at has changed by the way. */
  keep() {
    this.#write(false);
  }

  /** The same before long, for what changes often. */
  keepSoon() {
    this.#soon ??= setTimeout(() => this.#write(false), SOON_MS);
  }

  /** @param {string | undefined} wanted environment @param {Narrowing} narrowing */
  #watch(wanted, narrowing) {
    const { choice, log, view, overview, list, alert } = this.#looked;
    const { env, tool, filter } = choice;
    if (!isSame(view.narrowing, narrowing)) overview.set(narrowing);
    if (env !== log.env) {
      alert.open(choice.label);
      list.follow();
    }
    if (env !== log.env || tool !== log.tool) log.open(env, tool, filter);
    else if (filter !== log.filter) log.setFilter(filter);
    choice.tell(wanted ?? env);
  }

  /** @param {boolean} step */
  #write(step) {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const { log, view, finder } = this.#looked;
    const { search, regex, only } = finder;
    if (log.env === "") return;
    link.write({
      env: log.env,
      tool: log.tool.split(".").at(-1),
      query: shown(log.filter),
      search,
      regex: regex ? "1" : "",
      only: only ? "1" : "",
      ...toLink(view.narrowing),
    }, { step });
  }
}
