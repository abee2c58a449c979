/** asking.js: a log is followed by questions where the server holds no streams; nothing is left out or comes twice. */
import assert from "node:assert/strict";
import test from "node:test";

import { followOrAsk } from "../../../poslogs/doors/page/static/asking.js";

/** @import { LogEvent } from "../../../poslogs/doors/page/types.d.ts" */

const NONE = "No stream is opened here: wsgiref serves one request at a time; run `python -m poslogs serve` instead.";
const refused = { status: 503, body: { error: NONE } };
const ASKING = { state: "asking", reason: "this server holds no streams, so it is asked every 5 s" };

/** @param {number[]} ids @param {string} lastId @param {boolean} [truncated] */
function logs(ids, lastId, truncated = false) {
  const found = { logs: ids.map((id) => ({ id: String(id) })), lastId, truncated };
  return { status: 200, body: { content: [{ type: "text", text: JSON.stringify(found) }] } };
}

/**
 * What is told, and what is asked for, while the server gives these answers, null for none; the last one is an end.
 * @param {({ status: number, body: unknown, headers?: Record<string, string> } | null)[]} answers @param {object} [more]
 */
async function told(answers, more = {}) {
  /** @type {LogEvent[]} */
  const events = [];
  /** @type {{ path: string, input: Record<string, unknown> }[]} */
  const asked = [];
  const left = [...answers];
  const fetch = async (/** @type {URL} */ url, /** @type {RequestInit} */ request) => {
    asked.push({ path: url.pathname, input: JSON.parse(String(request.body)).input });
    const answer = left.shift();
    if (!answer) throw new TypeError("Failed to fetch");
    return new Response(JSON.stringify(answer.body), { status: answer.status, headers: answer.headers });
  };
  const options = { base: "http://server/logs/", token: "t", env: "e", filter: "error", every: 0, fetch, ...more };
  for await (const event of followOrAsk(options)) events.push(event);
  return { events, asked };
}

const END = { status: 401, body: { error: "This token is not known here." } };
const ENDED = { state: "ended", reason: "This token is not known here.", status: 401 };

test("each question goes on where the last answer ended, at once where there was more", async () => {
  const { events, asked } = await told([refused, logs([1, 2], "2"), logs([3, 4], "4", true), logs([5], "6"), logs([], "6"), END], { tail: 100 });
  assert.deepEqual(events, [
    { state: "connecting" },
    ASKING,
    { entries: [{ id: "1" }, { id: "2" }], position: "2" },
    { entries: [{ id: "3" }, { id: "4" }], position: "4" },
    { entries: [{ id: "5" }], position: "6" },
    { position: "6" },
    ENDED,
  ]);
  assert.deepEqual(asked.map(({ path }) => path), ["/logs/call-stream", ...Array(5).fill("/logs/call")]);
  const inputs = asked.slice(1).map(({ input }) => input);
  const behind = (/** @type {string} */ lastId) => ({ env: "e", filter: "error", lastId, limit: 1000 });
  assert.deepEqual(inputs, [{ env: "e", filter: "error", tail: 100 }, behind("2"), behind("4"), behind("6"), behind("6")]);
});

test("a position that was reached before is where the questions begin", async () => {
  const { asked } = await told([refused, END], { lastId: "17", tail: 100 });
  assert.deepEqual(asked[1].input, { env: "e", filter: "error", lastId: "17", limit: 1000 });
});

test("the position of several environments goes back as it came; their beginnings count each of them in a stream", async () => {
  const position = "eu%2Cwest:9007199254740993,production:0";
  const { asked } = await told([refused, logs([1], position), logs([], position), END], { env: "*", tail: 100, tailEach: 50 });
  assert.deepEqual([asked[0].input.tail, asked[1].input.tail], [50, 100]);
  assert.deepEqual(asked.slice(2).map(({ input }) => [input.env, input.lastId]), [["*", position], ["*", position]]);
});

test("environments that come and go are told of, other comments are not", async () => {
  const frames = [": open", ": environment preview joined", ": heartbeat", "id: a:1,b:2\nevent: position", "data: [DONE]\nevent: done"];
  const fetch = async () => new Response(frames.map((frame) => `${frame}\n\n`).join(""), { headers: { "Content-Type": "text/event-stream" } });
  const { events } = await told([], { env: "*", tool: "platformos.logs.stream", fetch });
  const seen = events.filter((event) => event.notice ?? event.position);
  assert.deepEqual(seen, [{ notice: "environment preview joined" }, { position: "a:1,b:2" }]);
});

test("what goes wrong is told, and asked again from the same position", async () => {
  const now = { "Retry-After": "0.001" };
  const { events, asked } = await told([
    refused,
    logs([1], "1"),
    { status: 503, body: { error: "platformOS does not answer." }, headers: now },
    { status: 429, body: { error: "Too many requests." }, headers: now },
    { status: 502, body: "a proxy's page", headers: now },
    logs([2], "2"),
    { status: 502, body: { error: "platformOS refuses the token." } },
  ], { tail: 1 });
  assert.deepEqual(events, [
    { state: "connecting" },
    ASKING,
    { entries: [{ id: "1" }], position: "1" },
    { trouble: "platformOS does not answer." },
    { state: "reconnecting", reason: "Too many requests.", wait: 1 },
    { state: "reconnecting", reason: "The server answers with status 502.", wait: 1 },
    ASKING,
    { entries: [{ id: "2" }], position: "2" },
    { state: "ended", reason: "platformOS refuses the token.", status: 502 },
  ]);
  assert.deepEqual(asked.slice(2, 6).map(({ input }) => input.lastId), ["1", "1", "1", "1"]);
});

test("another 503 is no reason to ask, and an end stays an end", async () => {
  const { events } = await told([{ status: 404, body: { error: "Unknown tool." } }]);
  assert.deepEqual(events, [{ state: "connecting" }, { state: "ended", reason: "Unknown tool.", status: 404 }]);
  const full = { status: 503, body: { error: "This server has as many streams as it can hold." }, headers: { "Retry-After": "0" } };
  const { asked } = await told([full, END]);
  assert.deepEqual(asked.map(({ path }) => path), ["/logs/call-stream", "/logs/call-stream"]);
});

test("it stops with its signal", async () => {
  const over = new AbortController();
  const events = [];
  const answers = [refused, logs([1], "1")];
  const fetch = async () => {
    const { status, body } = answers.shift() ?? END;
    return new Response(JSON.stringify(body), { status });
  };
  for await (const event of followOrAsk({ base: "http://server/", token: "t", env: "e", signal: over.signal, fetch })) {
    events.push(event);
    if (event.entries) over.abort();
  }
  assert.equal(events.at(-1)?.position, "1");
});
