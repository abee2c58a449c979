/** The recovery: while platformOS does not answer, the server is asked now and then whether it does again. */
/** @import { Connection } from "./connection.js" */
import * as session from "./session.js";

const ASK_MS = 10_000; // between two questions

/**
 * Returns a function that begins to ask, unless that is under way: a quiet log does not tell. It asks for as long as
 * the connection is troubled, about the environment that `env()` names, and tells the connection when that answers.
 * @param {Connection} connection @param {() => string} env
 */
export function install(connection, env) {
  let asking = false;

  function begin() {
    if (asking) return;
    asking = true;
    setTimeout(ask, ASK_MS);
  }

  async function ask() {
    asking = false;
    if (!connection.troubled) return;
    const environments = document.hidden ? [] : await session.environments(session.token()).catch(() => []);
    const ours = environments.find(({ name }) => name === env());
    if (ours !== undefined && ours.failing === undefined) connection.recovered();
    else begin();
  }

  return begin;
}
