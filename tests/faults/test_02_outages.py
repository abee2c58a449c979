"""Fault 2: platformOS cannot be reached: one report, waits that grow with jitter, recovery without a reconnect."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import (
    LIVE,
    STREAM,
    all_lossless,
    arrived,
    follow,
    lossless,
    stand_ins,
    told,
    tries,
    wait_told,
    wait_tries,
)
from tests.support.lateness import Lateness
from tests.support.platformos import PlatformOS
from tests.support.relay import Certificate, Relay, deaf_port
from tests.support.server import Server
from tests.support.transcript import Transcript
from tests.wire.exchange import wait_for

SLACK_S = 1.5  # what a loaded machine may add to a wait
PATIENT_S = 3  # for an answer, where a busy machine must not take a good poll for a failed one
BEATS = 4  # that come in an outage
SENTENCES = {  # a connection that is cut while a poll is under way was closed, or reset
    "refuse": r"Connection failed: environment refuse (refused|closed|reset) the connection\.",
    "reset": r"Connection failed: environment reset reset the connection\.",
    "hang": rf"platformOS did not answer for environment hang within {PATIENT_S} s\.|"
    r"Connection failed: environment hang did not answer in time\.",
    "status": r"platformOS answered 502 for environment status\.",
}
BEGINNINGS: dict[str, dict[str, Any]] = {"fresh": {}, "resumed": {"lastId": "2"}, "tail": {"tail": 3}}
EXPECTED = {"fresh": 6, "resumed": 4, "tail": 3}  # of the six entries that there are
CUT = r"Connection failed: environment staging (closed|reset) the connection\."


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_an_outage_is_told_once_its_waits_grow_and_streams_recover_by_themselves(
    server: Callable[..., Server], kind: str
) -> None:
    """After three tries refused, reset, unanswered or 502 a reader has one error, then every row, on one connection.

    Heartbeats come meanwhile. Each wait is as long as it should be at least, and all but one of three at most.
    """
    with stand_ins(*SENTENCES) as instances, Lateness() as lateness, ExitStack() as stack:
        running = server(
            kind,
            environments=instances,
            env={"POSLOGS_POLL_SECONDS": f"{PATIENT_S}", "POSLOGS_HEARTBEAT_SECONDS": "0.3"},
        )
        readers = {
            name: [
                stack.enter_context(follow(running, name)),
                stack.enter_context(follow(running, name, LIVE, gzip=True)),
            ]
            for name in instances
        }
        for name, platformos in instances.items():
            platformos.add_many(3)
            for reader in readers[name]:
                arrived(reader, "3")
        failed = time.monotonic()
        faults = {}
        for name, platformos in instances.items():
            faults[name] = platformos.fail(name, **({"status": 502} if name == "status" else {}))
            platformos.add_many(2)
        before = {name: beats(readers[name]) for name in instances}
        first: dict[str, float] = {}
        healed: dict[str, float] = {}
        failures: dict[str, int] = {}  # until then
        pending = set(instances)

        def tried() -> bool:
            for name, count in tries(running).items():
                if count:
                    first.setdefault(name, time.monotonic())
                if count >= 3 and name in pending and beats(readers[name]) >= before[name] + BEATS:
                    healed[name], failures[name] = time.monotonic(), count
                    instances[name].heal()
                    pending.remove(name)
            return not pending

        wait_for(tried, 60)
        shares = []
        for name, platformos in instances.items():
            if name == "refuse":  # the stand-in does not see the tries, but it sees the one that gets through
                again = _first_request_after(platformos, healed[name])
                longest_in_all = 2 ** failures[name] - 1
                assert again - failed >= longest_in_all / 2 - 0.01
                assert again - first[name] <= longest_in_all + 3 * SLACK_S
            else:
                questions = [platformos.met(faults[name])]
                for _ in range(3):
                    questions.append(platformos.after(questions[-1]))
                times = [question.at for question in questions]
                # Where the stand-in says nothing, its client counts from when it asked, which is seen later.
                took, late = (PATIENT_S, lateness.longest) if name == "hang" else (0.0, 0.0)
                above = []
                for longest, (earlier, later) in zip((1, 2, 4), pairwise(times), strict=True):
                    wait = later - earlier - took
                    assert wait >= longest / 2 - 0.01 - late, (name, times)
                    above.append(wait - longest)
                    shares.append(wait / longest)
                assert sorted(above)[1] <= SLACK_S, (name, times)
                if name == "hang":
                    for reader in readers[name]:
                        assert sum(times[0] < at < times[0] + PATIENT_S for at in _beats_of(reader)) >= BEATS
        all_lossless((platformos, readers[name]) for name, platformos in instances.items())
        for name in instances:
            for reader in readers[name]:
                (sentence,) = told(reader)
                assert re.fullmatch(SENTENCES[name], sentence), sentence
        assert max(shares) - min(shares) > 0.05, "no jitter"

        for platformos in instances.values():
            platformos.fail("status", times=1, status=500)
        for name in instances:
            for reader in readers[name]:
                assert wait_told(reader, 2)[1] == f"platformOS answered 500 for environment {name}."


def beats(readers: Sequence[Transcript]) -> int:
    """How many heartbeats the reader has that has the fewest."""
    return min(reader.comments.count("heartbeat") for reader in readers)


def _beats_of(reader: Transcript) -> list[float]:
    return [frame.at for frame in reader.frames if frame.comment == "heartbeat"]


def _first_request_after(platformos: PlatformOS, moment: float) -> float:
    platformos.wait_until(lambda: platformos.requests[-1].at > moment, timeout=20)
    return next(request.at for request in platformos.requests if request.at > moment)


def test_a_reader_that_comes_amid_an_outage_shares_the_waiting(server: Callable[..., Server]) -> None:
    """Fresh, resumed or with a tail, it gets the error at once; nobody asks platformOS before the others' wait ends."""
    with stand_ins(*BEGINNINGS) as instances, ExitStack() as stack:
        running = server(environments=instances)
        firsts = {}
        for name, platformos in instances.items():
            platformos.add_many(6)
            firsts[name] = stack.enter_context(follow(running, name, lastId="4"))  # others want what lies before
        asked, begun = {}, {}
        for name, platformos in instances.items():
            arrived(firsts[name], "6")
            platformos.fail("reset")
            asked[name] = len(platformos.requests)
        seconds = {}
        pending = set(instances)

        def come_after_the_third_try() -> bool:
            for name, count in tries(running).items():
                if count >= 3 and name in pending:
                    pending.remove(name)
                    asked[name], begun[name] = len(instances[name].requests), instances[name].requests[-1].at
                    seconds[name] = stack.enter_context(follow(running, name, **BEGINNINGS[name]))
                    wait_told(seconds[name])
                    instances[name].heal()  # for the question that comes next
            return not pending

        wait_for(come_after_the_third_try, 20)
        for name, platformos in instances.items():
            platformos.wait_for_requests(asked[name] + 1)
            assert platformos.requests[asked[name]].at - begun[name] >= 2 - 0.01, name
        for name, expected in EXPECTED.items():
            seconds[name].wait_entries(expected, timeout=15)
        all_lossless(((platformos, [firsts[name]]) for name, platformos in instances.items()), ids=["5", "6"])
        for name, platformos in instances.items():
            arrived(seconds[name], platformos.ids[-1])
            assert seconds[name].entry_ids == platformos.ids[6 - EXPECTED[name] :]
            for reader in (firsts[name], seconds[name]):
                (sentence,) = told(reader)
                assert re.fullmatch(CUT.replace("staging", name), sentence), sentence


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_certificate_that_is_not_valid_is_an_outage(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path, kind: str
) -> None:
    """Nothing is asked over such a connection; once the right certificate is back the stream goes on."""
    good, bad = Certificate.make(tmp_path / "good.pem"), Certificate.make(tmp_path / "bad.pem")
    platformos.add_many(2)
    with Relay(platformos, good) as relay:
        running = server(kind, environments={"staging": relay.environment}, env=good.trusted(tmp_path))
        with follow(running) as reader, follow(running, tool=LIVE) as live:
            arrived(reader, "2")
            relay.certificate = bad
            platformos.fail("reset", times=1)  # for a new connection
            wait_tries(running, 2)
            asked = len(platformos.requests)
            platformos.add_many(2)
            wait_tries(running, 3)
            assert len(platformos.requests) == asked
            relay.certificate = good
            lossless(platformos, reader, live)
            for each in (reader, live):
                (sentence,) = told(each)
                assert re.fullmatch(CUT, sentence), sentence
            relay.certificate = bad
            platformos.fail("raw", raw=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")  # no rows, and a new connection
            assert (
                wait_told(reader, 2)[1] == "Connection failed: environment staging has a certificate that is not valid."
            )


def test_a_name_that_nobody_knows_is_an_outage(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """One error and growing waits; the right address in `.pos` ends the stream, and a resumed one misses nothing."""
    running = server()
    platformos.add_many(3)
    with follow(running) as before:
        arrived(before, "3")
    running.write_pos({"staging": {**platformos.environment, "url": "http://instance.invalid"}})
    platformos.add_many(2)
    begun = time.monotonic()
    with follow(running, headers={"Last-Event-ID": "3"}) as meanwhile:
        wait_tries(running, 3)
        assert time.monotonic() - begun >= 1.5 - 0.01
        assert told(meanwhile) == ["Connection failed: environment staging has an address that no name server knows."]
        running.write_pos({"staging": platformos})
        meanwhile.wait_end()
        assert meanwhile.entries == []
        assert told(meanwhile)[1:] == ["Environment staging is no longer served here."]
        assert meanwhile.done
    with follow(running, headers={"Last-Event-ID": "3"}) as after:
        lossless(platformos, after, ids=["4", "5"])


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_connect_or_handshake_without_end_is_cut_in_time(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path, kind: str
) -> None:
    """A connect without an answer and a TLS handshake that drips each become a failed poll within seconds."""
    with deaf_port() as port, Relay(platformos, Certificate.make(tmp_path / "good.pem")) as relay:
        relay.drip = True
        running = server(
            kind,
            environments={
                "deaf": {**platformos.environment, "url": f"http://127.0.0.1:{port}"},
                "drips": relay.environment,
                "well": platformos.environment,
            },
            env={"POSLOGS_POLL_SECONDS": "1", "POSLOGS_HEARTBEAT_SECONDS": "0.3"},
        )
        with follow(running, "deaf") as deaf, follow(running, "drips") as drips, follow(running, "well") as well:
            before = beats([deaf, drips])
            for reader in (deaf, drips):
                wait_told(reader, 1, 20)
            wait_tries(running, 2, "drips")
            wait_for(lambda: beats([deaf, drips]) >= before + BEATS, 10)
            for reader in (deaf, drips):
                assert len(told(reader)) == 1
                assert "did not answer" in told(reader)[0]
            lossless(platformos, well)


def test_a_stream_that_begins_in_an_outage_is_told_and_gets_everything_afterwards(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The very first connect is refused, for readers of all beginnings; then each gets what it asked for."""
    platformos.add_many(5)
    platformos.fail("refuse")
    running = server()
    with ExitStack() as stack:
        fresh, resumed, tail = (
            stack.enter_context(follow(running, tool=tool, **start))
            for tool, start in ((STREAM, {}), (LIVE, {"lastId": "3"}), (STREAM, {"tail": 2}))
        )
        for reader in (fresh, resumed, tail):
            wait_told(reader)
        platformos.heal()
        tail.wait_entries(2)
        lossless(platformos, fresh)
        for reader in (resumed, tail):
            arrived(reader, platformos.ids[-1])
            assert reader.entry_ids == platformos.ids[3:]
            assert told(reader) == ["Connection failed: environment staging refused the connection."]
