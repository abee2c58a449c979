"""Whatever people serve poslogs with: entries come at once, places come back, nobody hangs, and a stop costs nothing.

Each host is started once, as its file of deploy/ or its command of docs/hosts.md says, and asked everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urljoin, urlsplit

import pytest

from tests.hosts.hosts import ASKED, FEW, FEW_STREAMS, HOSTS, PLACES, Host
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.template import Template
from tests.wire.exchange import wait_for

LIVE = {"env": "staging", "maxDuration": 55000, "until": "first"}
AGENT = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
SOON = {"gunicorn", "nginx"}  # what `make test` has time for; `make test-slow` has all
LINKS = re.compile(r"""(?:src|href)="([^"#:]+)"|(?:\bfrom|\bimport|\bURL\(|\bScriptURL\()\s*['"](\./[^'"]+)['"]""")


@pytest.fixture(
    scope="module", params=[name if name in SOON else pytest.param(name, marks=pytest.mark.slow) for name in HOSTS]
)
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, templates: Callable[[str], Template]
) -> Iterator[Host]:
    """Each host in turn, over a stand-in of its own."""
    with PlatformOS() as platformos:
        made = HOSTS[request.param](tmp_path_factory.mktemp("host"), platformos)
        made.fork_from(templates)
        with made as started:
            yield started


def begun(host: Host, stack: ExitStack, count: int, **kw: str) -> list[Reader]:
    """Readers of all rows to come, which have their first bytes."""
    readers = [stack.enter_context(host.open(last="0", **kw)) for _ in range(count)]
    for reader in readers:
        assert reader.status == 200
        reader.wait_frame(lambda frame: frame.comment == "open")
    return readers


def all_left(host: Host) -> None:
    """Wait until nobody holds a place any more."""
    wait_for(lambda: host.streams_open() == 0, 15)


def test_each_entry_arrives_before_the_next_is_written(host: Host) -> None:
    """First bytes come while platformOS says nothing, then each entry by itself, then heartbeats in the silence.

    This holds for plain bytes and gzip, over HTTP/1.0 and 1.1.
    """
    platformos = host.platformos
    last = platformos.ids[-1] if platformos.ids else "0"
    with ExitStack() as stack:
        stack.callback(platformos.heal)  # the host's other tests are not to fail with this one
        platformos.fail("hang")
        kinds = [(gzip, version) for gzip in (False, True) for version in ("1.0", "1.1")]
        readers = [stack.enter_context(host.open(last=last, gzip=gzip, version=version)) for gzip, version in kinds]
        for reader, (gzip, _) in zip(readers, kinds, strict=True):
            reader.wait_frame(lambda frame: frame.comment == "open")
            assert ("content-encoding" in reader.headers) is gzip
        platformos.heal()
        for count in range(1, 5):
            platformos.add({"message": "x" * count})
            for reader in readers:
                reader.wait_entries(count)
        beats = [reader.comments.count("heartbeat") for reader in readers]
        for reader, before in zip(readers, beats, strict=True):
            assert reader.entry_ids == platformos.ids[-4:]
            reader.wait_until(lambda reader=reader, more=before + 2: reader.comments.count("heartbeat") >= more)  # type: ignore[misc]
            assert not reader.ended, reader.dump()


def test_a_token_and_a_position_arrive(host: Host) -> None:
    """`Authorization` is the client's, right or wrong; `Last-Event-ID` says where to go on."""
    assert host.get("/tools", token=None).status_code == 401
    assert "not known here" in host.get("/tools", token="a-token-of-nobody").json()["error"]
    ids = [str(number) for number in host.platformos.add_many(5)]
    with host.open(last=ids[1]) as reader:
        reader.wait_entries(3)
        assert reader.entry_ids == ids[2:]


def test_the_eleventh_stream_is_refused_and_places_of_those_who_left_are_free(host: Host) -> None:
    """A page that is reloaded ten times is not locked out, whatever lies between it and poslogs."""
    all_left(host)
    with ExitStack() as stack:
        readers = begun(host, stack, FEW_STREAMS, token=FEW)
        with host.open(token=FEW) as refused:
            assert refused.status == 429
        assert not any(reader.ended for reader in readers)
    with ExitStack() as stack:
        begun(host, stack, FEW_STREAMS, token=FEW)
    all_left(host)


def test_a_full_host_refuses_and_answers_all_else(host: Host) -> None:
    """The stream beyond its places gets 503, probes and /health an answer, and the others their entries."""
    assert host.line in host.output
    host.platformos.add_many(1)
    with ExitStack() as stack:
        readers = begun(host, stack, PLACES)
        refused = host.post("/call-stream", ASKED)
        assert refused.status_code == 503
        assert refused.json()["error"].startswith("This server has as many streams as it can hold")
        assert host.get("/livez", token=None).status_code == 200
        assert host.get("/health").json()["streams"] == PLACES
        ids = host.platformos.ids
        host.platformos.add_many(1)
        for reader in readers:
            reader.wait_entries(len(ids) + 1)
    all_left(host)


def test_a_call_of_an_agent_streams(host: Host) -> None:
    """It is open while nothing happens, and has its result as soon as something does."""
    last = str(host.platformos.add({})[0])
    asked = {"name": "platformos_logs_live", "arguments": {**LIVE, "lastId": last}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    with host.open(path="/mcp", body=message, headers=AGENT) as call:
        assert call.status == 200
        call.wait_until(lambda: bool(call.frames))
        host.platformos.add({"message": "what the agent waits for"})
        result = call.wait_frame(lambda frame: "what the agent waits for" in (frame.data or ""))
        assert result.event in ("message", None)
        call.wait_end()


def test_the_page_and_what_programs_are_told_are_below_its_path(host: Host) -> None:
    """Every link and import leads to a file of the right type; the description names the path that works."""
    base = f"{host.front}/"
    found, todo = {base}, [base]
    while todo:
        url = todo.pop()
        answer = host.get(url.removeprefix(host.front), token=None)
        assert answer.status_code == 200, url
        assert answer.headers["Content-Type"].startswith(TYPES.get(url.rpartition(".")[2], "text/html")), url
        if url.endswith((".css", ".svg")):
            continue
        links = {urljoin(url, one or other) for one, other in LINKS.findall(answer.text)} - found
        assert all(link.startswith(base) for link in links), links
        found |= links
        todo += links
    assert len(found) > 30
    if host.prefix:
        sent_on = host.get("", token=None, allow_redirects=False)
        assert sent_on.status_code == 308
        assert urlsplit(sent_on.headers["Location"]).path == f"{host.prefix}/"
    for headers in ({}, {"X-Forwarded-Prefix": "/a-client-s-own"}):
        told = host.get("/openapi.json", token=None, headers=headers).json()["servers"][0]["url"]
        assert told == (host.prefix or "/")
    if host.announced:
        assert f" at {host.front}\n" in host.output
        assert f"curl -N -X POST {host.front}/call-stream" in host.output


def test_a_stop_costs_no_entry(host: Host) -> None:
    """Readers end, by a farewell and a line in the log where the server lets poslogs, and never as if that were all."""
    platformos = host.platformos
    with host.open(last="0") as plain, host.open(last="0", gzip=True) as packed:
        platformos.add_many(2)
        count = len(platformos.ids)
        for reader in (plain, packed):
            reader.wait_entries(count)
        host.end_streams()
        for reader in (plain, packed):
            reader.wait_end()
            assert not reader.done
            assert reader.last_id == platformos.ids[-1]
            if host.farewell:
                assert reader.ended_clean or not host.framed, reader.dump()
                assert reader.frames[-1].comment == "closing"
                assert reader.frames[-1].retry is not None
        host.stop()
    if host.farewell:
        over = [line for line in host.output.splitlines() if "A stream is over." in line]
        assert ["drained" in line for line in over[-2:]] == [True, True], over
    missed = [str(number) for number in platformos.add_many(3)]
    host.start()
    with host.open(last=plain.last_id) as again:
        again.wait_entries(3)
        assert again.entry_ids == missed
    assert "Traceback" not in host.output, host.output
