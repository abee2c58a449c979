/** Recovery: where platformOS did not answer, the server is asked now and then whether it does again. */
/** @import { Connection } from "./connection.js" */
import * as session from "./session.js";

const ASK_MS = 10_000; // between two questions

/**
 * Returns a function that begins to ask, unless that is under way: a quiet log does not tell. It asks for as long as
 * the connection is troubled, about the environments that `names()` gives, and tells the connection which of them answer.
 * @param {Connection} connection @param {() => string[]} names
 */
export function install(connection, names) {
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
    const ours = environments.filter(({ name }) => names().includes(name));
    const well = ours.filter(({ failing }) => failing === undefined).map(({ name }) => name);
    connection.recovered(well, well.length > 0 && well.length === ours.length);
    if (connection.troubled) begin();
  }

  return begin;
}
