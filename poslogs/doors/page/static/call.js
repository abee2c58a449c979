/** A call of the tool that returns entries of before. */
/** @import { Entry } from "../types.d.ts" */
import { explained } from "./waiting.js";

const ANSWER_MS = 75_000; // a server that is silent for longer does not answer

/**
 * `{logs, lastId, truncated}`, oldest first, for an input of platformos.logs.fetch. Throws an Error with a sentence for
 * the reader.
 * @param {{ base: string, token: string }} server @param {object} input
 * @returns {Promise<{ logs: Entry[], lastId: string, truncated: boolean }>}
 */
export async function fetched({ base, token }, input) {
  const request = {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ tool: "platformos.logs.fetch", input }),
    signal: AbortSignal.timeout(ANSWER_MS),
  };
  const response = await fetch(new URL("call", base), request).catch(() => null);
  if (response === null) throw new Error(explained("The server does not answer."));
  const body = await response.json().catch(() => null);
  if (response.ok && body) return JSON.parse(body.content[0].text);
  throw new Error(typeof body?.error === "string" ? body.error : `The server answers with status ${response.status}.`);
}
