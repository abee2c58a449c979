/** The recall: entries of before that the server is asked for by themselves, and that the log then holds. */
/** @import { Entry } from "../types.d.ts" @import { Log } from "./log.js" */
import { fetched } from "./call.js";
import { inputs } from "./wanted.js";

const ANSWER = 5_000; // entries of a time that are asked for at once
const MOST_ANSWERS = 4; // that are asked for in a row

export class Recall {
  #log;

  /** @param {Log} log */
  constructor(log) {
    this.#log = log;
  }

  /**
   * The entries around one, as far as the filter keeps them: the answer, once they are held. Throws an Error with a
   * sentence.
   * @param {string} env @param {string} id @param {number} limit
   */
  async around(env, id, limit) {
    const { filter, server } = this.#log;
    const answer = await fetched(server, { env, around: id, limit, ...inputs(filter) });
    if (this.#log.filter === filter && this.#log.watches(env)) this.#log.recall(answer.logs);
    return answer;
  }

  /**
   * The entries of a time, as far as the filter keeps them and the server gives them in a few answers: the first ones, or
   * without `since` the newest, in one answer. Returns whether these are all. Throws an Error with a sentence.
   * @param {string | undefined} since @param {string | undefined} until
   */
  async span(since, until) {
    const { filter, env, server, store } = this.#log;
    /** @type {Entry[]} */
    const found = [];
    /** @type {object} */
    let begin = { since };
    let isWhole = false;
    const most = since === undefined ? 1 : MOST_ANSWERS;
    for (let n = 0; n < most && !isWhole; n += 1) {
      const { logs, lastId, truncated } = await fetched(server, { env, until, limit: ANSWER, ...begin, ...inputs(filter) });
      if (this.#log.filter !== filter || this.#log.env !== env) return true;
      found.push(...logs);
      const last = logs.at(-1);
      isWhole = !truncated || last === undefined || (since !== undefined && store.has(last));
      begin = { lastId };
    }
    this.#log.recall(found);
    return isWhole;
  }
}
