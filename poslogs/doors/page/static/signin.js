/** Signing in: from a token to the environments that it may read. */
import * as session from "./session.js";

const REFRESH_MS = 5_000; // a tab that is reloaded again and again must not use up its client's requests

/**
 * Has the connect form, the token that the address brought, or a tab that still has one, ask the server.
 * `tell(sentence)` is told how it goes; `ready(environments)` is called once, with a token kept, and
 * `changed(environments)` when they are others than thought. Returns `connect(token)`, for one that comes later.
 */
export function install({ form, field, demo, brought, tell, ready, changed }) {
  let asked = ""; // the token that is being asked with

  async function connect(token, environments = null) {
    asked = token;
    tell("connecting …");
    try {
      environments ??= await session.environments(token);
    } catch (error) {
      if (asked !== token) return;
      tell(error.message);
      if (session.token() !== token || error.final) field.focus();
      else setTimeout(() => asked === token && connect(token), error.wait); // a tab that was in comes in again
      return;
    }
    if (asked !== token) return;
    if (environments.length === 0) {
      tell("This token may read no environment; the server's clients.json says which it may.");
      return;
    }
    session.keep(token);
    ready(environments);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim() !== "") connect(field.value.trim());
  });
  demo.hidden = session.demoToken === "";
  demo.querySelector("button").addEventListener("click", () => connect(session.demoToken));
  if (brought !== "" && brought !== session.token()) {
    connect(brought);
    return connect;
  }
  const known = session.known();
  if (session.token() !== "") connect(session.token(), known);
  if (known !== null) setTimeout(() => session.environments(session.token()).then(changed, () => {}), REFRESH_MS);
  return connect;
}
