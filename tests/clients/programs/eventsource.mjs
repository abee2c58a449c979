// Follows a log with eventsource: node eventsource.mjs URL ENVIRONMENT [LAST_ID]
import { EventSource } from 'eventsource';

const [url, env, lastId] = process.argv.slice(2);
const body = JSON.stringify({ tool: 'platformos.logs.stream', input: { env, interval: 250, lastId } });

const source = new EventSource(`${url}/call-stream`, {
  fetch: (input, init) => fetch(input, {
    ...init,
    method: 'POST',
    body,
    headers: {
      ...init.headers, // Last-Event-ID among them when it reconnects; it wins over lastId
      Authorization: `Bearer ${process.env.CLIENT_SECRET}`,
      'Content-Type': 'application/json',
    },
  }),
});
source.addEventListener('data', (event) => {
  const entry = JSON.parse(JSON.parse(event.data).text);
  console.log(`${entry.id} ${entry.message}`);
});
source.addEventListener('error', (event) => {
  if (event.message) console.error('!', event.code, event.message); // the server's own `error` frames have no message
});
source.addEventListener('done', () => source.close());
