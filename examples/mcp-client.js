#!/usr/bin/env node
// A basic client of the tools that do not stream: lists tools, lists environments, fetches logs. Needs Node 18 or newer
// and no packages.
'use strict';
const { parseArgs } = require('node:util');
require('node:dns').setDefaultResultOrder('ipv4first'); // Node 18 may read localhost as ::1, where nothing listens

const HELP = `Usage: node examples/mcp-client.js [options]

  --url URL      the server (http://localhost:3030)
  --token TOKEN  your token (the variable CLIENT_SECRET, else the demo's token)
  --env NAME     environment (staging)
  --limit N      how many entries (20)
  --last-id ID   the oldest entries after this one, instead of the newest
  --filter WORD  only entries of this type or error_type
  --help         this text`;

class Client {
  /** @param {string} url @param {string} token */
  constructor(url, token) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
  }

  /**
   * Sends one request and returns the JSON answer. Throws the server's sentence if it refuses.
   * @param {string} method @param {string} path @param {object} [body]
   */
  async request(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' };
    const signal = AbortSignal.timeout(90_000); // a fetch of a long history may take a minute
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body), signal });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error ?? `The server answered with status ${response.status}`);
    return answer;
  }

  /** @param {string} tool @param {object} input */
  async call(tool, input = {}) {
    const { content } = await this.request('POST', '/call', { tool, input });
    return JSON.parse(content[0].text); // the result is JSON inside the text
  }
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

async function main() {
  /** @type {{ type: 'string' }} */
  const text = { type: 'string' };
  const { values: given } = parseArgs({ options: {
    url: text, token: text, env: text, limit: text, 'last-id': text, filter: text, help: { type: 'boolean' },
  } });
  if (given.help) return console.log(HELP);
  const url = given.url ?? 'http://localhost:3030';
  const client = new Client(url, given.token ?? process.env.CLIENT_SECRET ?? 'your-client-secret-here');

  const { tools } = await client.request('GET', '/tools');
  console.log('Tools');
  for (const tool of tools) console.log(`  ${tool.name}: ${tool.description}`);

  const { envs } = await client.call('platformos.env.list');
  console.log('Environments');
  for (const each of envs) console.log(`  ${each.name}: ${each.url}`);

  const env = given.env ?? 'staging';
  const which = { lastId: given['last-id'], limit: Number(given.limit ?? 20) }; // without lastId the newest
  const { logs, lastId } = await client.call('platformos.logs.fetch', { env, filter: given.filter, ...which });
  console.log(`Entries of ${env}`);
  for (const { timestamp, type, message } of logs) {
    console.log(`  ${visible(`[${timestamp}] [${type.toUpperCase()}] ${message.trimEnd()}`)}`);
  }
  console.log(`${logs.length} in all; --last-id ${lastId} continues from here`);
}

process.stdout.on('error', () => process.exit(0)); // the reader of our pipe has left, as `| head` does
main().catch((error) => {
  const refused = error.cause?.code === 'ECONNREFUSED';
  const why = refused ? 'No server answers there: start it with `make run`' : error.cause?.message || error.message;
  console.error(visible(why));
  process.exitCode = 1;
});
