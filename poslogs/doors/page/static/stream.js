/** A log as it happens, for any page: server-sent events over POST, which EventSource cannot do. Imports parser.js and waiting.js. */
/** @import { End, Follow, Frame, LogEvent, Reached, Timer } from "../types.d.ts" */
import { Parser } from "./parser.js";
import { either, explained, isOffline, onWake, pause } from "./waiting.js";

const LIVE = "platformos.logs.live";
const LIVE_MS = 300_000; // how long the server lets a live stream last by default
const HEARTBEAT_MS = 15_000; // unless the server says otherwise
const LEAST_SILENCE_MS = 3_000; // a shorter one may be a busy machine, whatever the heartbeat
const ANSWER_MS = 10_000; // a server that has not begun to answer by then does not, or the connection was dead
const SIGN_MS = 1_000; // who heard something more recently need not ask whether the connection still works
const FIRST_WAIT_MS = 500; // doubled at each try that fails
const MAX_WAIT_MS = 30_000;
const MAX_ASKED_MS = 3_600_000; // of waiting for a server that asks for it
const RESTART_MS = 200; // until the server that closed a stream is asked again
const STABLE_MS = 10_000; // after an answer that lasted this long, waits are short again
const HEARD_MS = 1000; // between two events that say so

/** How long a stream may be silent, by its heartbeat, both in ms: without two of them the connection is dead. @param {number} [heartbeat] */
export function silence(heartbeat = HEARTBEAT_MS) {
  return Math.max(2 * heartbeat, LEAST_SILENCE_MS);
}

/** How the server's refusal begins where it holds no streams, and will hold none: asking.js is for that. */
export const NO_STREAMS = "No stream is opened here: ";

/**
 * What happens in the log of an environment, across lost connections, restarts and the end of `maxDuration`.
 *
 * `base` is the server's address, up to its last slash; `interval`, `maxDuration` and `heartbeat` (the server's) are ms;
 * all but `base`, `token` and `env` may be left out. Yields, until `signal` aborts:
 *
 *     {state: "connecting"}                         once, at the beginning
 *     {state: "live"}                               an answer has begun
 *     {entries: [entry, …], position: "812"}        in order; `position` is the `lastId` to continue from
 *     {position: "815"}                             a position without an entry
 *     {heard: true}                                 a sign of life, at most one a second
 *     {trouble: "sentence"}                         platformOS does not answer; the stream goes on
 *     {notice: "environment preview joined"}        of a stream of every environment: one has come, or gone
 *     {state: "reconnecting", reason: "sentence", wait: 1200}   ms until the next try
 *     {state: "ended", reason: "sentence", status: 401}         the last one: trying again would not help
 *
 * @param {Follow} options @returns {AsyncGenerator<LogEvent, void, void>}
 */
export async function* follow({
  base, token, tool = LIVE, env, filter, query, tail, lastId, interval, maxDuration, heartbeat,
  signal = new AbortController().signal, fetch = globalThis.fetch,
}) {
  /** @type {Reached} */
  const run = { position: lastId, retry: undefined, live: false };
  const ask = (/** @type {AbortSignal} */ stop) => {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    if (run.position) headers["Last-Event-ID"] = run.position;
    const from = run.position ? undefined : tail;
    const input = { env, filter: filter || undefined, query: query || undefined, interval, maxDuration, tail: from };
    const body = JSON.stringify({ tool, input }); // what is undefined is not sent
    return fetch(new URL("call-stream", base), { method: "POST", headers, body, signal: stop });
  };
  let tries = 0;
  yield { state: "connecting" };
  if (/[^\x21-\x7e]/.test(token)) { // it would never leave the browser
    return yield { state: "ended", reason: "A token can contain only plain letters, digits and signs.", status: 401 };
  }
  while (!signal.aborted) {
    run.retry = undefined;
    const end = yield* read(ask, run, signal, silence(heartbeat));
    if (signal.aborted) return;
    if (end.woken) continue;
    const isOver = (end.lasted ?? 0) >= (maxDuration ?? LIVE_MS) - 1000; // that was its time
    if (end.done && tool === LIVE && isOver) continue;
    if (end.done || end.final) return yield { state: "ended", reason: end.reason, status: end.status };
    if (end.stable) tries = 0;
    const backoff = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** tries) * (0.5 + Math.random() / 2);
    const wait = end.asked ?? run.retry ?? (end.closed && tries === 0 ? RESTART_MS : backoff);
    tries += 1;
    run.live = false;
    yield { state: "reconnecting", reason: end.reason, wait: Math.round(wait) };
    await pause(wait, signal, end.asked === undefined);
  }
}

/**
 * One answer from its begin to its end, which may be silent for `most` ms; returns how it ended.
 * @param {(stop: AbortSignal) => Promise<Response>} ask @param {Reached} run @param {AbortSignal} signal @param {number} most
 * @returns {AsyncGenerator<LogEvent, End, void>}
 */
async function* read(ask, run, signal, most) {
  const began = performance.now();
  const cut = new AbortController();
  /** @type {Timer | undefined} */
  let timer;
  /** @type {string | undefined} */
  let trouble;
  let heard = -HEARD_MS;
  let stable = false;
  let listening = Date.now(); // not performance's clock, which may stand still while the machine sleeps
  let why = ""; // it was given up
  let woken = false;
  const passed = () => performance.now() - began;
  const lost = (/** @type {string} */ reason) => ({ reason: why || reason, stable, woken });
  const listen = (/** @type {number} */ ms, /** @type {string} */ reason) => {
    listening = Date.now();
    clearTimeout(timer);
    timer = setTimeout(() => {
      why = reason;
      cut.abort();
    }, ms);
  };
  onWake(() => {
    if (!isOffline() && Math.abs(Date.now() - listening) < SIGN_MS) return;
    woken = true;
    cut.abort();
  }, cut.signal);
  try {
    listen(ANSWER_MS, "The server does not answer.");
    const response = await ask(either(signal, cut.signal));
    if (!response.ok) return await refusal(response);
    const type = response.headers.get("Content-Type") ?? "";
    if (response.body === null || !type.startsWith("text/event-stream")) return lost("The answer is not a stream.");
    const nothing = `Nothing arrived for ${most / 1000} s.`;
    listen(most, nothing);
    if (!run.live) yield { state: "live" };
    run.live = true;
    const parser = new Parser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      listen(most, nothing);
      for (const event of meaning(parser.push(part.value), run)) {
        if (event.done) return { done: true, lasted: passed(), reason: trouble ?? "The stream is complete." };
        trouble = event.trouble ?? trouble;
        stable ||= event.entries !== undefined;
        yield event;
      }
      stable ||= passed() >= STABLE_MS;
      if (passed() - heard < HEARD_MS) continue;
      heard = passed();
      yield { heard: true };
    }
    return { closed: true, ...lost("The server closed the stream, as it does when it restarts.") };
  } catch (error) {
    if (error instanceof SyntaxError) return lost("The server sent something that is not a log entry.");
    return lost(explained(run.live ? "The connection was lost." : "The server does not answer."));
  } finally {
    clearTimeout(timer);
    cut.abort();
  }
}

/**
 * The frames of one read as events for the caller, entries together; keeps the position and the wait in `run`.
 * @param {Frame[]} frames @param {Reached} run
 */
function meaning(frames, run) {
  /** @type {(LogEvent & { done?: boolean })[]} */
  const events = [];
  for (const { event, data, id, retry, comment } of frames) {
    run.position = id ?? run.position;
    run.retry = retry ?? run.retry;
    const inner = () => JSON.parse(JSON.parse(data ?? "").text); // JSON text in a JSON envelope
    if (event === "data") {
      const entries = events.at(-1)?.entries ?? [];
      if (entries.length === 0) events.push({ entries });
      entries.push(inner());
      events[events.length - 1].position = run.position;
    } else if (event === "error") events.push({ trouble: inner().message });
    else if (event === "done") events.push({ done: true });
    else if (id) events.push({ position: id });
    if (comment?.startsWith("environment ")) events.push({ notice: comment });
  }
  return events;
}

/**
 * What a refused request comes to: the server's own sentence, and whether and when to try again.
 * @param {Response} response @returns {Promise<End>}
 */
async function refusal(response) {
  const { status, headers } = response;
  const told = (await response.json().catch(() => null))?.error;
  const reason = typeof told === "string" ? told : `The server answers with status ${status}.`;
  const again = status === 408 || status === 429 || (status >= 500 && !reason.startsWith(NO_STREAMS));
  if (!again) return { final: true, reason, status };
  const after = headers.get("Retry-After"); // seconds, or, from some proxies, a date
  const now = Date.parse(headers.get("Date") ?? "") || Date.now(); // our clock may be wrong
  const ms = after === null ? NaN : /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now;
  return { reason, asked: ms >= 0 ? Math.min(ms, MAX_ASKED_MS) : undefined };
}
