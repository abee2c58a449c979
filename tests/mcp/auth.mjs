// Adds a token to what the conformance suite sends, which has no option for one; to this machine's own addresses only.
// MCP_AUTH="Bearer …" node --import ./auth.mjs node_modules/@modelcontextprotocol/conformance/dist/index.js server …
import dc from 'node:diagnostics_channel';
import http from 'node:http';

const value = process.env.MCP_AUTH;
const local = /^(https?:\/\/)?(127\.0\.0\.1|localhost)(:|\/|$)/;

dc.channel('undici:request:create').subscribe(({ request }) => {
  if (local.test(String(request.origin))) request.addHeader('authorization', value);
});

const send = http.request;
http.request = (...args) => {
  const options = args.find((arg) => arg?.headers);
  if (options && local.test(options.hostname ?? options.host)) {
    options.headers = { ...options.headers, Authorization: value };
  }
  return send.apply(http, args);
};
