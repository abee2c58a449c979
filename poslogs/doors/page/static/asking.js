/** A log without a stream: where the server holds none, it is asked for what is new every few seconds. */
/** @import { Entry, Follow, LogEvent } from "../types.d.ts" */
import { NO_STREAMS, follow } from "./stream.js";
import { either, explained, pause } from "./waiting.js";

const EVERY_MS = 5000; // between two questions: 12 a minute of the 100 that a client has
const MOST_ENTRIES = 1000; // of one answer, after which the next question follows at once
const ANSWER_MS = 75_000; // a server that is silent for longer does not answer
const AGAIN_MS = 5000; // after a question that failed, unless the server says when
const ASKED = { state: /** @type {const} */ ("asking"), reason: `this server holds no streams, so it is asked every ${EVERY_MS / 1000} s` };

/**
 * The events of `follow`. Where it ends because the server holds no streams, the log is asked for from the position that
 * was reached, and these events follow in place of the end:
 *
 *     {state: "asking", reason: "sentence"}       the server has answered, for the first time or again
 *     {entries, position}, {position}, {heard}, {trouble}, {state: "reconnecting"}, {state: "ended"}   as of `follow`
 *
 * `every` is ms between two questions. `tail` counts all entries, `tailEach` those of each environment of a stream.
 * @param {Follow & { every?: number }} options @returns {AsyncGenerator<LogEvent, void, void>}
 */
export async function* followOrAsk({ every = EVERY_MS, ...options }) {
  let position = options.lastId;
  for await (const event of follow({ ...options, tail: options.tailEach ?? options.tail })) {
    position = event.position ?? position;
    if (event.state === "ended" && event.status === 503 && event.reason?.startsWith(NO_STREAMS)) {
      return yield* asking({ ...options, lastId: position }, every);
    }
    yield event;
  }
}

/**
 * Asks until `signal` aborts. An answer says where the next one goes on, so no entry is left out or comes twice.
 * @param {Follow} options @param {number} every @returns {AsyncGenerator<LogEvent, void, void>}
 */
async function* asking(options, every) {
  const { signal = new AbortController().signal } = options;
  let position = options.lastId;
  let told = ""; // what was said last: that it is "asked", of "trouble", or nothing that still holds
  while (!signal.aborted) {
    const answer = await ask(options, position, signal);
    if (signal.aborted) return;
    if (answer.final) return yield { state: "ended", reason: answer.reason, status: answer.status };
    if (answer.logs === undefined) {
      const { reason, trouble = false, wait = AGAIN_MS } = answer;
      if (trouble && told === "") yield { ...ASKED };
      yield trouble ? { trouble: reason } : { state: "reconnecting", reason, wait };
      told = trouble ? "trouble" : "";
      await pause(wait, signal, !trouble);
      continue;
    }
    if (told !== "asked") yield { ...ASKED };
    told = "asked";
    position = answer.lastId;
    yield answer.logs.length > 0 ? { entries: answer.logs, position } : { position };
    if (!answer.truncated) await pause(every, signal, true);
  }
}

/**
 * One answer, or why there is none: `final`, as trying again would not help, or to be tried again after `wait` ms;
 * `trouble`: the server answers, and platformOS does not.
 * @param {Follow} options @param {string | undefined} lastId @param {AbortSignal} signal
 * @returns {Promise<{ logs?: Entry[], lastId?: string, truncated?: boolean, final?: boolean, reason?: string, status?: number,
 *   trouble?: boolean, wait?: number }>}
 */
async function ask({ base, token, env, filter, query, tail, fetch = globalThis.fetch }, lastId, signal) {
  const where = lastId ? { lastId, limit: MOST_ENTRIES } : tail === undefined ? { limit: MOST_ENTRIES } : { tail };
  const request = {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ tool: "platformos.logs.fetch", input: { env, filter: filter || undefined, query: query || undefined, ...where } }),
    signal: either(signal, AbortSignal.timeout(ANSWER_MS)),
  };
  try {
    const response = await fetch(new URL("call", base), request);
    const body = await response.json().catch(() => null);
    if (response.ok && body) {
      const { logs, lastId: last, truncated } = JSON.parse(body.content[0].text);
      return { logs, lastId: last, truncated: truncated && lastId !== undefined };
    }
    const { status, headers } = response;
    const isOurs = typeof body?.error === "string"; // a proxy's own errors are no such
    const reason = isOurs ? body.error : `The server answers with status ${status}.`;
    const again = status === 408 || status === 429 || status >= 500;
    if (!again || (isOurs && status === 502)) return { final: true, reason, status }; // 502: the environment's token
    const after = Number(headers.get("Retry-After")) * 1000;
    return { reason, trouble: isOurs && status === 503, wait: after > 0 ? after : AGAIN_MS };
  } catch (error) {
    return { reason: error instanceof SyntaxError ? "The server sent something that is not a log." : explained("The server does not answer.") };
  }
}
