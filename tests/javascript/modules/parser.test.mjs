/** parser.js and stream.js: events out of text and bytes, however they are cut. */
import assert from "node:assert/strict";
import test from "node:test";

import { Parser } from "../../../poslogs/doors/page/static/parser.js";
import { follow } from "../../../poslogs/doors/page/static/stream.js";

/** @import { Frame } from "../../../poslogs/doors/page/types.d.ts" */

/** @type {Record<string, [text: string, events: Frame[]]>} */
const CASES = {
  "one event": ["id: 1\nevent: data\ndata: x\n\n", [{ id: "1", event: "data", data: "x" }]],
  "line ends CRLF": ["id: 1\r\ndata: x\r\n\r\ndata: y\r\n\r\n", [{ id: "1", data: "x" }, { data: "y" }]],
  "line ends CR": ["id: 1\rdata: x\r\rdata: y\r\r", [{ id: "1", data: "x" }, { data: "y" }]],
  "line ends mixed": ["data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n", [{ data: "a\nb\nc" }, { data: "d" }]],
  "a mark of byte order": ["\ufeffdata: x\n\n", [{ data: "x" }]],
  "only the first such mark": ["\ufeff\ufeffdata: x\n\ndata: y\n\n", [{ data: "y" }]],
  "several lines": ["data: a\ndata\ndata:\ndata: b\n\n", [{ data: "a\n\n\nb" }]],
  "one space is dropped": ["data:  x\ndata:y\n\n", [{ data: " x\ny" }]],
  "empty data": ["data\n\n", [{ data: "" }]],
  "unknown fields": ["dat: x\nDATA: y\nretry: soon\nretry: 12.5\nfoo\n\ndata: z\n\n", [{ data: "z" }]],
  "comments": [": open\n\n:\ndata: x\n\n", [{ comment: "open" }, { comment: "", data: "x" }]],
  "an id with NUL": ["id: 1\nid: 2\0\ndata: x\n\n", [{ id: "1", data: "x" }]],
  "an id alone": ["id: 7\n\n", [{ id: "7" }]],
  "an id that is taken back": ["id\n\n", [{ id: "" }]],
  "retry": [": closing\nretry: 1200\n\n", [{ comment: "closing", retry: 1200 }]],
  "half an event": ["data: x\n\ndata: y\n", [{ data: "x" }]],
  "colons in values": ["data: a: b:c\n\n", [{ data: "a: b:c" }]],
  "line separators": ["data: a\u2028b\u0085c\n\n", [{ data: "a\u2028b\u0085c" }]],
  "blank lines": ["\n\n\r\n\rdata: x\n\n\n\n", [{ data: "x" }]],
};

/** @param {string[]} pieces */
function parsed(pieces) {
  const parser = new Parser();
  return pieces.flatMap((piece) => parser.push(piece));
}

for (const [name, [text, events]] of Object.entries(CASES)) {
  test(`events are found wherever the text is cut, also between CR and LF: ${name}`, () => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      assert.deepEqual(parsed([text.slice(0, cut), text.slice(cut)]), events, `cut at ${cut}`);
    }
    assert.deepEqual(parsed([...text]), events, "each sign by itself");
  });
}

test("characters may be cut anywhere: UTF-8 in two pieces, cut at every byte", async () => {
  const message = "é€😀\u202e";
  const inner = JSON.stringify({ text: JSON.stringify({ message }) });
  const bytes = new TextEncoder().encode(`\ufeffid: 1\r\nevent: data\r\ndata: ${inner}\r\n\r\n`);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(await told([bytes.slice(0, cut), bytes.slice(cut)]), [message], `cut at ${cut}`);
  }
});

/** The messages that `follow` tells of an answer that comes in these pieces. @param {Uint8Array[]} pieces */
async function told(pieces) {
  const signal = new AbortController().signal;
  const body = () => new ReadableStream({
    start(stream) {
      for (const piece of pieces) stream.enqueue(piece);
      stream.close();
    },
  });
  const fetch = async () => new Response(body(), { headers: { "Content-Type": "text/event-stream" } });
  const messages = [];
  for await (const event of follow({ base: "http://localhost/", token: "t", env: "e", signal, fetch })) {
    for (const entry of event.entries ?? []) messages.push(entry.message);
    if (event.state === "reconnecting" || event.state === "ended") break;
  }
  return messages;
}
