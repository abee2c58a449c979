// As python_2.py, on the SDK 1.x for TypeScript, which knows one era only.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const { URL: url, TOKEN } = process.env;
const tell = (step, more) => console.log(JSON.stringify({ step, ...more }));

const client = new Client({ name: 'trouble', version: '1' });
await client.connect(
  new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${TOKEN}` } } }),
);
const call = (name, input, options) => client.callTool({ name, arguments: input }, undefined, options);

const wrong = await call('platformos_logs_live', { env: 'stagin' });
tell('wrong', { error: wrong.isError, text: wrong.content[0].text });

const leave = new AbortController();
let done = false;
const watch = call('platformos_logs_live', { env: 'staging', maxDuration: 55000 }, { signal: leave.signal })
  .then(() => false, () => true)
  .finally(() => { done = true; });
await sleep(1000);
tell('abort', { done });
leave.abort();
tell('aborted', { cancelled: await watch });

for (let calls = 1; calls < 40; calls += 1) {
  const answer = await call('platformos_env_list', {});
  if (answer.isError) {
    tell('limit', { calls, text: answer.content[0].text });
    break;
  }
}
tell('after', { tools: (await client.listTools()).tools.length });
setInterval(() => {}, 1000);
