/** The past: the newest entries that are there already, asked for once. */
/** @import { Asked, Entry } from "../types.d.ts" */
import { either } from "./waiting.js";
import { inputs } from "./wanted.js";

const ANSWER_MS = 75_000; // a server that is silent for longer does not answer
const AGAIN_MS = 5000; // unless the server says when

/**
 * `{logs, lastId}`: the `tail` newest entries that match `filter` ("" for all), oldest first. Asks again until the
 * server and platformOS answer, or `signal` aborts. Throws an Error with the server's sentence when it refuses.
 * @param {Asked & { filter: string, signal: AbortSignal }} asked
 * @returns {Promise<{ logs: Entry[], lastId: string }>}
 */
export async function newest({ base, token, env, tail, filter, signal }) {
  const input = { env, tail, ...inputs(filter) };
  const request = {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ tool: "platformos.logs.fetch", input }),
  };
  for (;;) {
    const stop = either(signal, AbortSignal.timeout(ANSWER_MS));
    const response = await fetch(new URL("call", base), { ...request, signal: stop }).catch(() => null);
    signal.throwIfAborted();
    const answer = await response?.json().catch(() => null);
    if (response?.ok && answer) return JSON.parse(answer.content[0].text);
    const refused = response?.status === 502 && answer?.error; // the environment's token; a proxy's own 502 says no such
    const again = !refused && (!response || response.ok || response.status === 429 || response.status >= 500);
    if (!again) throw new Error(answer?.error ?? `The server answers with status ${response.status}.`);
    const after = Number(response?.headers.get("Retry-After")) * 1000;
    await new Promise((resolve) => {
      setTimeout(resolve, after || AGAIN_MS);
    });
    signal.throwIfAborted();
  }
}
