"""stream.js: a log is followed across whatever happens to the server, to platformOS and to the way there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.following import flowing
from tests.page.complaints import AWAY, Complaints
from tests.page.modules.conftest import OpenTab
from tests.page.modules.tab import Tab
from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, TOKEN, Server

Start = Callable[..., Server]


SILENT = """async (begins) => {
  const { follow } = await import("/page/stream.js");
  window.asked = 0;
  const fetch = async (url, { signal }) => {
    asked += 1;
    const cut = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    if (!begins) await cut;
    const start = (to) => {
      to.enqueue(new TextEncoder().encode(": open\\n\\n"));
      cut.catch((reason) => to.error(reason));
    };
    return new Response(new ReadableStream({ start }), { headers: { "Content-Type": "text/event-stream" } });
  };
  (async () => {
    for await (const event of follow({ base: location.href, token: "t", env: "e", fetch })) gather(event);
  })();
}"""

ANSWERS = """async (answers) => {
  const { follow } = await import("/page/stream.js");
  window.asked = 0;
  const fetch = async () => {
    const answer = answers[asked++ % answers.length];
    if (answer === null) throw new TypeError("Failed to fetch");
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  };
  window.over = (async () => {
    for await (const event of follow({ base: location.href, token: "t", env: "e", fetch })) gather(event);
    return true;
  })();
}"""

ANSWERLESS = "The server does not answer."
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


def waits(tab: Tab) -> list[int]:
    """The waits that were reported, in ms."""
    return [event["wait"] for event in tab.events if event.get("state") == "reconnecting"]


def test_a_kill_of_the_server_loses_nothing(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """After KILL while rows flow, and a start on the same port, every row comes once and in order."""
    complaints.expect(*AWAY)
    running = server()
    platformos.add_many(5)
    reader = tab(running).follow(tail=2)
    reader.wait("ids.length >= 2")
    with flowing(platformos):
        reader.wait("ids.length > 20")
        os.killpg(running.pid, signal.SIGKILL)
        running.wait_exit()
        reader.wait("last('state') === 'reconnecting'")
        running.start()
        reader.wait("last('state') === 'live'")
        reader.wait(f"ids.length > {len(reader.ids) + 20}")
    reader.wait_last(platformos.ids[-1])
    assert reader.ids == platformos.ids[3:]
    assert reader.events[-1]["position"] == platformos.ids[-1]


def test_a_restart_is_a_blink(server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints) -> None:
    """The server says when to come back, and nothing is lost meanwhile."""
    complaints.expect(*AWAY)
    running = server()
    platformos.add_many(5)
    reader = tab(running).follow()
    with flowing(platformos):
        reader.wait("ids.length > 20")
        running.stop()
        running.start()
        reader.wait("last('state') === 'live' && events.some(({ state }) => state === 'reconnecting')")
        reader.wait(f"ids.length > {len(platformos.ids) + 20}")
    reader.wait_last(platformos.ids[-1])
    assert reader.ids == platformos.ids
    told = next(event for event in reader.events if event.get("state") == "reconnecting")
    assert told["reason"] == "The server closed the stream, as it does when it restarts."
    assert 200 <= told["wait"] <= 3000


def test_a_wrong_token_is_the_end(server: Start, tab: OpenTab, complaints: Complaints) -> None:
    """It ends after one try, with the server's sentence."""
    complaints.expect("401")
    running = server()
    reader = tab(running).follow(token="nobodys")
    assert reader.run("() => over") is True
    sentence = running.get("/tools", token="nobodys").json()["error"]
    assert reader.events == [{"state": "connecting"}, {"state": "ended", "reason": sentence, "status": 401}]


def test_a_token_that_cannot_be_sent_is_the_end(server: Start, tab: OpenTab) -> None:
    """No header can hold it. It is not shown."""
    running = server()
    for token in ("pass word", "schlüssel", "two\nlines", "日本"):
        reader = tab(running).follow(token=token)
        assert reader.run("() => over") is True
        assert (reader.states, reader.events[-1]["status"]) == (["connecting", "ended"], 401)
        assert token not in reader.events[-1]["reason"]


def test_an_unknown_environment_is_the_end(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """The status is 400, and the sentence names the environments there are."""
    complaints.expect("400")
    reader = tab(server()).follow(env="stagin")
    assert reader.run("() => over") is True
    assert reader.events[-1] == {
        "state": "ended",
        "reason": 'Unknown environment "stagin"; known: staging.',
        "status": 400,
    }


def test_with_too_many_streams_it_waits_for_a_place(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """It shows the sentence, waits as the server asks, and is live as soon as another stream has gone."""
    complaints.expect("429")
    only = {"default": {**CLIENTS["default"], "limits": {"requests": "100000 per minute", "streams": 1}}}
    running = server(clients=only)
    with running.stream("platformos.logs.stream", {"env": "staging"}) as other:
        assert other.status == 200
        reader = tab(running).follow()
        reader.wait("last('state') === 'reconnecting'")
    told = reader.events[-1]
    assert told["reason"].startswith("Streams open for this client: 1")
    assert told["wait"] == 5000
    reader.wait("last('state') === 'live'")
    platformos.add({})
    reader.wait("ids.length === 1")


def test_an_outage_of_platformos_is_told_and_passes(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """It reports trouble while the stream stays live, then gets what came meanwhile."""
    platformos.add({})
    reader = tab(server()).follow()
    reader.wait("ids.length === 1")
    platformos.fail("status", status=503)
    reader.wait("last('trouble')")
    platformos.add({})
    platformos.heal()
    reader.wait("ids.length === 2")
    assert reader.states == ["connecting", "live"]
    assert reader.ids == platformos.ids


def test_a_token_that_platformos_refuses_is_the_end(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """The reason is the last error that the stream sent."""
    platformos.add({})
    reader = tab(server()).follow()
    reader.wait("ids.length === 1")
    platformos.fail("status", status=401, body={"error": "unauthorized"})
    assert reader.run("() => over") is True
    trouble = next(event["trouble"] for event in reader.events if "trouble" in event)
    assert "token" in trouble
    assert (reader.states[-1], reader.events[-1]["reason"]) == ("ended", trouble)


def test_max_duration_passes_without_a_gap(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """Several streams of two seconds follow each other: nothing is reported, and every row comes once."""
    reader = tab(server())
    requests: list[Any] = []
    reader.page.on("request", lambda request: requests.append(request) if "/call" in request.url else None)
    reader.follow(maxDuration=2000, tail=0)
    reader.wait("last('position')")
    with flowing(platformos):
        reader.wait("performance.getEntriesByName(new URL('/call-stream', location.href).href).length >= 2")
        reader.wait(f"ids.length > {len(platformos.ids) + 20}")
    reader.wait_last(platformos.ids[-1])
    asked = [(request.post_data_json["input"].get("tail"), "last-event-id" in request.headers) for request in requests]
    assert asked[:3] == [(0, False), (None, True), (None, True)]
    assert reader.states == ["connecting", "live"]
    assert reader.ids == platformos.ids


def test_the_token_is_in_no_address_and_in_no_sentence(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """The token travels in one header."""
    complaints.expect("401", *AWAY)
    running = server()
    reader = tab(running)
    requests: list[Any] = []
    reader.page.on("request", lambda request: requests.append(request))
    reader.follow()
    platformos.add({})
    reader.wait("ids.length === 1")
    os.killpg(running.pid, signal.SIGKILL)
    reader.wait("last('state') === 'reconnecting'")
    running.wait_exit()
    running.clients_file.write_text('{"other": {"token": "another"}}')
    running.start()
    reader.wait("last('state') === 'ended'")
    asked = [request for request in requests if request.url.endswith("/call-stream")]
    assert len(asked) >= 2
    for request in requests:
        assert TOKEN not in request.url
        assert TOKEN not in (request.post_data or "")
    assert all(request.headers["authorization"] == f"Bearer {TOKEN}" for request in asked)
    assert TOKEN not in str(reader.events)


def test_two_missed_heartbeats_are_noticed(server: Start, tab: OpenTab) -> None:
    """After 30 s without a byte the connection is given up, and another one made; after 10 s if it has not begun."""
    for begins, most, reason in ((True, 30_000, "Nothing arrived for 30 s."), (False, 10_000, ANSWERLESS)):
        reader = tab(server())
        reader.page.clock.install()
        reader.run(SILENT, begins)
        reader.wait("last('heard')" if begins else "asked === 1")
        reader.page.clock.run_for(most - 1000)
        assert reader.run("() => asked") == 1
        reader.page.clock.run_for(2000)
        reader.wait("asked === 2")
        told = [event for event in reader.events if event.get("state") == "reconnecting"]
        assert [event["reason"] for event in told] == [reason]


@pytest.mark.parametrize("name", ["online", "pageshow", "visibilitychange"])
@pytest.mark.parametrize("begins", [True, False])
def test_a_silent_connection_is_tried_again_when_somebody_looks(
    server: Start, tab: OpenTab, name: str, begins: bool
) -> None:
    """The network is back, or the page is shown again: another connection is made at once, without a word."""
    reader = tab(server())
    reader.page.clock.install()
    reader.run(SILENT, begins)
    reader.wait("last('heard')" if begins else "asked === 1")
    look = f"async () => {{ {'document' if name[0] == 'v' else 'window'}.dispatchEvent(new Event('{name}')); }}"
    reader.run(look)  # something was heard a moment ago
    reader.page.clock.run_for(2000)
    assert reader.run("() => asked") == 1
    reader.run(look)
    reader.wait("asked === 2")
    assert "reconnecting" not in reader.states


def test_waits_grow_up_to_half_a_minute(server: Start, tab: OpenTab) -> None:
    """They start at half a second, double each time, and are shortened by chance, by half at most."""
    reader = tab(server())
    reader.page.clock.install()
    reader.run(ANSWERS, [None])
    reader.page.clock.run_for(200_000)
    told = waits(reader)
    assert len(told) > 8
    for wait, most in zip(told, [500, 1000, 2000, 4000, 8000, 16_000, *[30_000] * 100], strict=False):
        assert most / 2 <= wait <= most
    assert {event.get("reason", "") for event in reader.events} == {"", "The server does not answer."}


def test_an_entry_starts_the_waits_anew(server: Start, tab: OpenTab) -> None:
    """A server that worked again is asked at once. An answer that brings nothing counts as a failure."""
    reader = tab(server())
    reader.page.clock.install()
    frame = 'id: 1\nevent: data\ndata: {"type":"text","text":"{}"}\n\n'
    brings, nothing = [{"status": 200, "body": text, "headers": STREAM} for text in (frame, ": open\n\n")]
    reader.run(ANSWERS, [None, None, None, brings, None, nothing, nothing])
    reader.page.clock.run_for(30_000)
    told = waits(reader)[:7]
    assert told[3] == 200
    for wait, most in zip(told, [500, 1000, 2000, 200, 1000, 2000, 4000], strict=True):
        assert most / 2 <= wait <= most


def test_what_a_server_asks_for_is_waited(server: Start, tab: OpenTab) -> None:
    """This holds for `Retry-After` in seconds or as a date, even if it is long, and for `retry` in a stream."""
    reader = tab(server())
    reader.page.clock.install(time=0)
    date = "Thu, 01 Jan 1970 00:01:00 GMT"
    answers = [
        {"status": 429, "body": '{"error": "Not so fast."}', "headers": {"Retry-After": "40"}},
        {"status": 503, "body": "<html>", "headers": {"Retry-After": date}},
        {"status": 200, "body": ": closing\nretry: 1234\n\n", "headers": STREAM},
    ]
    reader.run(ANSWERS, answers)
    reader.page.clock.run_for(70_000)
    told = [event for event in reader.events if event.get("state") == "reconnecting"][:3]
    assert [event["reason"] for event in told] == [
        "Not so fast.",
        "The server answers with status 503.",
        "The server closed the stream, as it does when it restarts.",
    ]
    assert (told[0]["wait"], told[2]["wait"]) == (40_000, 1234)
    assert 19_000 <= told[1]["wait"] <= 20_000


def test_what_is_no_stream_is_not_taken_for_one(server: Start, tab: OpenTab) -> None:
    """The page of a proxy and a broken frame are reported, and the stream is tried again."""
    reader = tab(server())
    reader.page.clock.install()
    broken = "id: 1\nevent: data\ndata: {oops\n\n"
    answers = [
        {"status": 200, "body": "<html>", "headers": {"Content-Type": "text/html"}},
        {"status": 200, "body": broken, "headers": STREAM},
    ]
    reader.run(ANSWERS, answers)
    reader.page.clock.run_for(5000)
    reasons = [event["reason"] for event in reader.events if event.get("state") == "reconnecting"]
    assert reasons[:2] == ["The answer is not a stream.", "The server sent something that is not a log entry."]


def test_the_network_that_is_back_ends_a_wait(server: Start, tab: OpenTab) -> None:
    """Nobody waits half a minute for a network that works. A wait that the server asked for is still kept."""
    reader = tab(server())
    reader.page.clock.install()
    reader.page.clock.pause_at(reader.run("() => Date.now()") + 1000)
    busy = {"status": 429, "body": "{}", "headers": {"Retry-After": "10"}}
    reader.run(ANSWERS, [None, busy])
    reader.page.clock.run_for(1)
    for _ in range(2):
        reader.run("async () => { dispatchEvent(new Event('online')); }")
        reader.page.clock.run_for(1)
    assert reader.run("() => asked") == 2


def test_it_ends_when_it_is_told_to(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """`signal` closes the connection, or ends a wait, and nothing more is reported."""
    running = server()
    reader = tab(running).follow()
    reader.wait("last('heard')")
    reader.run("() => stop.abort()")
    assert reader.run("() => over") is True
    assert reader.states == ["connecting", "live"]
    other = tab(running)
    other.run(ANSWERS, [None])
    other.wait("last('state') === 'reconnecting'")
    assert running.streams_open() == 0
