/** Signing in: from a token to the environments that it may read. */
/** @import { Environment } from "../types.d.ts" */
import { within } from "./places.js";
import * as session from "./session.js";
import * as storage from "./storage.js";
import { messageOf } from "./text.js";

const REFRESH_MS = 5_000; // a tab that is reloaded again and again must not use up its client's requests

/**
 * Has the connect form, the token that the address brought, or a tab that still has one, ask the server.
 * `tell(sentence)` shows how it goes; `ready(environments)` is called once, with a token kept, and
 * `changed(environments)` when they are others than thought. Returns `connect(token)`, for one that comes later.
 * @param {{ form: HTMLFormElement, field: HTMLInputElement, demo: HTMLElement, brought: string,
 *   tell: (sentence: string) => void, ready: (environments: Environment[]) => void,
 *   changed: (environments: Environment[]) => void }} parts
 */
export function install({ form, field, demo, brought, tell, ready, changed }) {
  let asked = ""; // the token that is being asked with
  const refused = within(form, "#refused", HTMLElement);
  const refuse = (/** @type {string} */ sentence) => {
    tell(sentence === "" ? "connecting …" : sentence);
    refused.textContent = sentence;
    field.setAttribute("aria-invalid", String(sentence !== ""));
  };

  /** @param {string} token @param {Environment[] | null} [known] */
  async function connect(token, known = null) {
    asked = token;
    refuse("");
    let environments;
    try {
      environments = known ?? (await session.environments(token));
      if (asked !== token) return;
      if (environments.length > 0) session.keep(token);
    } catch (error) {
      if (asked !== token) return;
      const refusal = error instanceof session.Refusal ? error : new session.Refusal(messageOf(error), false);
      refuse(refusal.message);
      if (session.token() !== token || refusal.final) field.focus();
      else setTimeout(() => asked === token && connect(token), refusal.wait); // a tab that was in comes in again
      return;
    }
    if (environments.length === 0) {
      refuse("This token may not read any environment here; the server's clients.json lists those that it may read.");
      return;
    }
    ready(environments);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = bare(field.value);
    if (token !== "") connect(token);
  });
  form.dataset.ready = ""; // fallback.js looks for it
  if (storage.isBlocked) within(form, ".kept", HTMLElement).textContent = "This browser lets the page keep nothing, so a reload forgets it.";
  demo.hidden = session.demoToken === "";
  within(demo, "button", HTMLButtonElement).addEventListener("click", () => connect(session.demoToken));
  if (brought !== "" && brought !== session.token()) {
    connect(brought);
    return connect;
  }
  const before = session.known();
  if (session.token() !== "") connect(session.token(), before);
  if (before !== null) setTimeout(() => session.environments(session.token()).then(changed, () => {}), REFRESH_MS);
  return connect;
}

/** The token of what was pasted: without blanks, quotes, and the words before it in a header. @param {string} text */
function bare(text) {
  return text.trim().replace(/^["']?(?:authorization:\s*)?bearer\s+/i, "").replace(/^["']|["']$/g, "");
}
