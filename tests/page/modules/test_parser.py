"""stream.js: events out of text, however it is cut."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.modules.conftest import OpenTab
from tests.support.server import Server

Start = Any

PARSE = """async ({ text, cuts }) => {
  const { Parser } = await import("/page/stream.js");
  const whole = (pieces) => {
    const parser = new Parser();
    return JSON.stringify(pieces.flatMap((piece) => parser.push(piece)));
  };
  const all = whole([text]);
  const other = [];
  for (let cut = 0; cut <= text.length; cut += 1) {
    if (whole([text.slice(0, cut), text.slice(cut)]) !== all) other.push(cut);
  }
  if (whole([...text]) !== all) other.push("each sign by itself");
  return { events: JSON.parse(all), other };
}"""

DECODE = """async (bytes) => {
  const { follow } = await import("/page/stream.js");
  const told = [];
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const stop = new AbortController();
    const pieces = [bytes.slice(0, cut), bytes.slice(cut)].map((piece) => new Uint8Array(piece));
    const body = new ReadableStream({ pull: (to) => (pieces.length ? to.enqueue(pieces.shift()) : to.close()) });
    const fetch = () => new Response(body, { headers: { "Content-Type": "text/event-stream" } });
    const ids = [];
    for await (const event of follow({ base: location.href, token: "t", env: "e", signal: stop.signal, fetch })) {
      for (const { message } of event.entries ?? []) ids.push(message);
      if (event.state === "reconnecting" || event.state === "ended") break;
    }
    told.push(ids);
  }
  return told;
}"""

CASES = {
    "one event": ("id: 1\nevent: data\ndata: x\n\n", [{"id": "1", "event": "data", "data": "x"}]),
    "line ends CRLF": ("id: 1\r\ndata: x\r\n\r\ndata: y\r\n\r\n", [{"id": "1", "data": "x"}, {"data": "y"}]),
    "line ends CR": ("id: 1\rdata: x\r\rdata: y\r\r", [{"id": "1", "data": "x"}, {"data": "y"}]),
    "line ends mixed": ("data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n", [{"data": "a\nb\nc"}, {"data": "d"}]),
    "a mark of byte order": ("\ufeffdata: x\n\n", [{"data": "x"}]),
    "only the first such mark": ("\ufeff\ufeffdata: x\n\ndata: y\n\n", [{"data": "y"}]),
    "several lines": ("data: a\ndata\ndata:\ndata: b\n\n", [{"data": "a\n\n\nb"}]),
    "one space is dropped": ("data:  x\ndata:y\n\n", [{"data": " x\ny"}]),
    "empty data": ("data\n\n", [{"data": ""}]),
    "unknown fields": ("dat: x\nDATA: y\nretry: soon\nretry: 12.5\nfoo\n\ndata: z\n\n", [{"data": "z"}]),
    "comments": (": open\n\n:\ndata: x\n\n", [{"comment": "open"}, {"comment": "", "data": "x"}]),
    "an id with NUL": ("id: 1\nid: 2\0\ndata: x\n\n", [{"id": "1", "data": "x"}]),
    "an id alone": ("id: 7\n\n", [{"id": "7"}]),
    "an id that is taken back": ("id\n\n", [{"id": ""}]),
    "retry": (": closing\nretry: 1200\n\n", [{"comment": "closing", "retry": 1200}]),
    "half an event": ("data: x\n\ndata: y\n", [{"data": "x"}]),
    "colons in values": ("data: a: b:c\n\n", [{"data": "a: b:c"}]),
    "line separators": ("data: a\u2028b\u0085c\n\n", [{"data": "a\u2028b\u0085c"}]),
    "blank lines": ("\n\n\r\n\rdata: x\n\n\n\n", [{"data": "x"}]),
}


@pytest.fixture
def page(server: Start, tab: OpenTab) -> Any:
    running: Server = server(environments=None)
    return tab(running)


def test_events_are_found_wherever_the_text_is_cut(page: Any) -> None:
    """The events of each text, cut in two at every place and into single signs, also between CR and LF."""
    for name, (text, expected) in CASES.items():
        found = page.run(PARSE, {"text": text})
        assert found["events"] == expected, name
        assert found["other"] == [], name


def test_characters_may_be_cut_anywhere(page: Any) -> None:
    """UTF-8 in two pieces, cut at every byte: the message is whole each time."""
    message = "é€😀\u202e"
    frame = f'\ufeffid: 1\r\nevent: data\r\ndata: {{"text":"{{\\"message\\":\\"{message}\\"}}"}}\r\n\r\n'
    told = page.run(DECODE, list(frame.encode()))
    assert told == [[message]] * (len(frame.encode()) + 1)
