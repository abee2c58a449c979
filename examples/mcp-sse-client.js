#!/usr/bin/env node
// Follows the logs of one platformOS environment over POST /call-stream. Node 18 or newer, no packages.
// A client that runs for days needs three things. Each is a function here: a parser that works however the bytes
// were cut (events), output that no log line can abuse (visible), and reconnects that neither lose nor repeat an
// entry (follow).
'use strict';
const { parseArgs } = require('node:util');
const { setTimeout: sleep } = require('node:timers/promises');
require('node:dns').setDefaultResultOrder('ipv4first'); // Node 18 may read localhost as ::1, where nothing listens

const HELP = `Usage: node examples/mcp-sse-client.js [options]

  --url URL           the server (http://localhost:3030)
  --token TOKEN       your token (the variable CLIENT_SECRET, else the demo's token)
  --env NAME          environment (staging)
  --tool stream|live  stream never ends, live ends after --max-duration (default: live if that is given, else stream)
  --filter WORD       only entries of this type or error_type
  --interval MS       longest delay before a new entry is sent (3000)
  --tail N            start with the N newest entries; 0: only new ones
  --last-id ID        start after this entry
  --max-duration MS   stop after this time (live: 300000)
  --json              one entry a line, as JSON
  --help              this text`;

const SILENCE_MS = 60_000; // four heartbeats: a connection that is silent for that long is dead
const MAX_WAIT_MS = 30_000; // between two tries, unless the server asks for more
const STABLE_MS = 10_000; // after a connection that lasted this long, waits are short again
const COLOURS = new Map([['error', 31], ['warn', 33], ['debug', 90]]); // ANSI codes
const REMEMBERED = 10_000; // printed entries, to recognise the few that a resumed stream may repeat

class Failure extends Error {} // another try would fail too: report it and stop

/**
 * The events of a response body, by the rules of the HTML standard.
 * @param {AsyncIterable<Uint8Array>} body @param {() => void} onBytes
 */
async function* events(body, onBytes) {
  const decoder = new TextDecoder(); // one for the whole stream: a chunk may end inside a character
  let rest = '', afterCR = false, event = '', data = [], id, retry;
  for await (const bytes of body) {
    onBytes();
    let text = decoder.decode(bytes, { stream: true });
    if (text === '') continue;
    if (afterCR && text[0] === '\n') text = text.slice(1); // the second half of a CRLF
    afterCR = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = rest + lines[0];
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') { // an id or a retry counts even without data; an event needs data
        yield { event: event || 'message', data: data.length ? data.join('\n') : null, id, retry };
        event = ''; data = []; retry = undefined;
        continue;
      }
      const colon = line.indexOf(':'); // at 0: a comment, which only shows that the server is alive
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id' && !value.includes('\0')) id = value;
      else if (field === 'retry' && /^\d+$/.test(value)) retry = Number(value);
    }
  } // half an event is dropped: the next connection brings it whole
}

/**
 * Text that cannot drive a terminal: control characters and marks that reorder a line become escapes.
 * @param {string} text
 */
function visible(text) {
  return String(text).replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (c) => {
    return c === '\n' ? '\\n' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const tell = (/** @type {string} */ text) => process.stderr.write(`${visible(text)}\n`);

/** @typedef {{ id: string, timestamp: string, type: string, error_type: string, message: string }} Entry */

/** @param {Entry} entry @param {boolean | undefined} json */
function print(entry, json) {
  if (json) return console.log(visible(JSON.stringify(entry)));
  const colour = process.stdout.isTTY && !process.env.NO_COLOR && COLOURS.get(entry.type);
  const detail = [entry.type, undefined].includes(entry.error_type) ? '' : ` (${entry.error_type})`;
  const line = visible(`[${entry.timestamp}] [${entry.type.toUpperCase()}]${detail} ${entry.message.trimEnd()}`);
  console.log(colour ? `\x1b[${colour}m${line}\x1b[0m` : line);
}

/**
 * Prints entries until the stream is complete. Throws a Failure if another try would fail too.
 * @typedef {{ env: string, filter?: string, lastId?: string, interval?: number, tail?: number,
 *   maxDuration?: number }} Input
 * @param {{ url: string, token: string, tool: string, input: Input, json?: boolean, maxDuration?: number }} options
 */
async function follow({ url, token, tool, input, json, maxDuration }) {
  const deadline = performance.now() + (maxDuration ?? Infinity);
  const seen = new Set();
  let lastId, retry = 1000, tries = 0, reached = false, failing = false;
  for (;;) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    if (lastId) { headers['Last-Event-ID'] = lastId; delete input.tail; delete input.lastId; }
    if (maxDuration !== undefined) input.maxDuration = Math.ceil(deadline - performance.now());
    if (reached && performance.now() >= deadline) return;
    const opened = performance.now(), connection = new AbortController();
    const silence = setTimeout(() => connection.abort(new Error('Nothing came for a minute')), SILENCE_MS);
    let retryAfter = 0, why = 'The stream was cut';
    try {
      const body = JSON.stringify({ tool: `platformos.logs.${tool}`, input });
      const response = await fetch(`${url}/call-stream`, { method: 'POST', headers, body, signal: connection.signal });
      reached = true;
      if (!response.ok) {
        why = (await response.json().catch(() => ({}))).error ?? `The server answered with status ${response.status}`;
        if (response.status < 500 && ![408, 429].includes(response.status)) throw new Failure(why);
        const after = response.headers.get('retry-after') ?? '0'; // seconds, or, from some proxies, a date
        retryAfter = (isNaN(Number(after)) ? Date.parse(after) - Date.now() : Number(after) * 1000) || 0;
      } else if (response.body) for await (const event of events(response.body, () => silence.refresh())) {
        lastId = event.id ?? lastId;
        retry = event.retry ?? retry;
        if (event.data === null) continue;
        if (event.event === 'done') { // after an error and with time left: nothing more can come
          if (failing && performance.now() < deadline - 1000) throw new Failure('The stream ended for good, see above');
          return;
        }
        const content = JSON.parse(JSON.parse(event.data).text); // JSON text in a JSON envelope
        failing = event.event === 'error';
        if (failing) { tell(`! ${content.message}`); continue; }
        const key = `${content.id} ${content.timestamp}`; // a site restored from a backup gives its ids again
        if (!seen.has(key)) print(content, json);
        if (seen.add(key).size > REMEMBERED) seen.delete(seen.values().next().value);
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      const { message, cause } = /** @type {Error & { cause?: NodeJS.ErrnoException }} */ (error);
      why = cause?.message || message;
      if (cause?.code === 'ECONNREFUSED') why = `No server answers at ${url}: start it with \`make run\``;
      if (!reached) throw new Failure(why); // a mistyped URL is reported at once; after that, a restart is waited for
    } finally {
      clearTimeout(silence);
      connection.abort();
    }
    tries = performance.now() - opened > STABLE_MS ? 0 : tries + 1;
    const backoff = Math.min(MAX_WAIT_MS, 1000 * 2 ** (tries - 1));
    const wait = Math.max(backoff, retry, retryAfter) * (1 + Math.random() / 2); // jitter: not all clients at once
    tell(`! ${why}; continuing${lastId ? ` after entry ${lastId}` : ''} in ${(wait / 1000).toFixed(1)} s`);
    await sleep(Math.min(wait, 3_600_000, Math.max(0, deadline - performance.now())));
  }
}

async function main() {
  const text = { type: /** @type {'string'} */ ('string') }, flag = { type: /** @type {'boolean'} */ ('boolean') };
  const { values: given } = parseArgs({ options: {
    url: text, token: text, env: text, tool: text, filter: text, interval: text, tail: text,
    'last-id': text, 'max-duration': text, json: flag, help: flag,
  } });
  if (given.help) return console.log(HELP);
  const number = (/** @type {'interval' | 'tail' | 'max-duration'} */ name) => {
    const value = given[name];
    if (value !== undefined && !/^\d+$/.test(value)) throw new Failure(`--${name} takes a whole number`);
    return value === undefined ? undefined : Number(value);
  };
  const tool = given.tool ?? (given['max-duration'] ? 'live' : 'stream');
  await follow({
    url: (given.url ?? 'http://localhost:3030').replace(/\/+$/, ''),
    token: given.token ?? process.env.CLIENT_SECRET ?? 'your-client-secret-here',
    input: {
      env: given.env ?? 'staging', filter: given.filter, lastId: given['last-id'],
      interval: number('interval'), tail: number('tail'), // undefined ones are not sent
    },
    tool, json: given.json, maxDuration: number('max-duration') ?? (tool === 'live' ? 300_000 : undefined),
  });
}

process.stdout.on('error', () => process.exit(0)); // the reader of our pipe has left, as `| head` does
main().catch((error) => { tell(error.message); process.exitCode = 1; });
