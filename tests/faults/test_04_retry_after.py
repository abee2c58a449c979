"""Fault 4: 429 and 503 with `Retry-After`, in seconds or as a date: obeyed, within bounds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError, HttpGateway
from tests.faults.upstream import FETCH, HOUR, LIVE, all_lossless, arrived, follow, lossless, stand_ins, told, wait_told
from tests.support.fault import Fault
from tests.support.platformos import PlatformOS
from tests.support.quickest import quickest
from tests.support.server import Server

PAUSE_S = 3
CASES = {"seconds-429": 429, "seconds-503": 503, "date-429": 429, "date-503": 503}


def in_date_form(seconds: float) -> str:
    """The date `seconds` from now, as HTTP writes it: without fractions, so up to a second earlier."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def kept(platformos: PlatformOS, fault: Fault) -> None:
    """Assert that after each question that met this fault none came before PAUSE_S were over."""
    for refused in list(fault.met):
        assert platformos.after(refused).at - refused.at >= PAUSE_S - 0.01


def test_no_question_comes_before_the_pause_is_over(server: Callable[..., Server]) -> None:
    """For both codes in both forms there is one error, no request until the time that was named, then every row."""
    with stand_ins(*CASES) as instances, ExitStack() as stack:
        running = server(environments=instances, env={"POSLOGS_HEARTBEAT_SECONDS": "0.3"})
        readers = {
            name: [stack.enter_context(follow(running, name, tool)) for tool in (LIVE, "platformos.logs.stream")]
            for name in instances
        }
        for platformos in instances.values():
            platformos.add_many(2)
        for name in instances:
            for reader in readers[name]:
                arrived(reader, "2")
        shortest = dict.fromkeys(instances, math.inf)  # any one pause may be held up: there may be three of each
        rounds = 0
        while rounds < 3 and max(shortest.values()) > PAUSE_S + 1:
            rounds += 1
            for name, pause in _paused(instances).items():
                shortest[name] = min(shortest[name], pause)
            for name, platformos in instances.items():
                for reader in readers[name]:
                    arrived(reader, platformos.ids[-1])
        assert max(shortest.values()) <= PAUSE_S + 1, shortest
        all_lossless((platformos, readers[name]) for name, platformos in instances.items())
        for name in instances:
            for reader in readers[name]:
                assert told(reader) == [f"platformOS answered {CASES[name]} for environment {name}."] * rounds


def _paused(instances: Mapping[str, PlatformOS]) -> dict[str, float]:
    """Refuse the next question to each with what CASES says. How long each was not asked then: as long as it named."""
    faults: dict[str, Fault] = {}
    named: dict[str, float] = {}  # the moments that dates name, on the clock of the requests
    for name, platformos in instances.items():
        pause = str(PAUSE_S)
        if name.startswith("date"):
            now, date = time.monotonic(), math.floor(time.time() + PAUSE_S)
            named[name] = now + date - time.time()
            pause = format_datetime(datetime.fromtimestamp(date, UTC), usegmt=True)
        faults[name] = platformos.fail("status", times=1, status=CASES[name], headers={"Retry-After": pause})
        platformos.add_many(2)
    pauses = {}
    for name, platformos in instances.items():
        refused = platformos.met(faults[name])
        again = platformos.after(refused)
        assert again.at >= named.get(name, refused.at + PAUSE_S) - 0.01, (name, again.at - refused.at)
        pauses[name] = again.at - refused.at
    return pauses


def test_a_reader_that_comes_in_the_pause_waits_too(server: Callable[..., Server]) -> None:
    """It begins before what the server holds, so it must ask, but not before platformOS may be asked."""
    beginnings: dict[str, dict[str, Any]] = {"fresh": {}, "resumed": {"lastId": "2"}, "tail": {"tail": 3}}
    with stand_ins(*beginnings) as instances, ExitStack() as stack:
        running = server(environments=instances)
        firsts, seconds, faults = {}, {}, {}
        for name, platformos in instances.items():
            platformos.add_many(6)
            firsts[name] = stack.enter_context(follow(running, name, lastId="4"))
        for name, platformos in instances.items():
            arrived(firsts[name], "6")
            faults[name] = platformos.fail("status", status=429, headers={"Retry-After": str(PAUSE_S)})
        for name in instances:
            wait_told(firsts[name])
            seconds[name] = stack.enter_context(follow(running, name, **beginnings[name]))
        for name, platformos in instances.items():
            assert wait_told(seconds[name]) == [f"platformOS answered 429 for environment {name}."]
            platformos.heal()
        for name, platformos in instances.items():
            expected = {"fresh": 6, "resumed": 4, "tail": 3}[name]
            seconds[name].wait_entries(expected, timeout=20)
            kept(platformos, faults[name])
            lossless(platformos, firsts[name], ids=["5", "6"])
            arrived(seconds[name], platformos.ids[-1])
            assert seconds[name].entry_ids == platformos.ids[6 - expected :]


def test_the_pause_outlives_the_reader_that_was_told_of_it(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """All readers leave and resume within the pause. platformOS is not asked because of that."""
    platformos.add_many(3)
    running = server()
    with follow(running) as before:
        arrived(before, "3")
        fault = platformos.fail("status", times=1, status=503, headers={"Retry-After": str(PAUSE_S)})
        wait_told(before)
    platformos.add_many(2)
    with follow(running, headers={"Last-Event-ID": "3"}) as after:
        after.wait_entries(2, timeout=20)
        kept(platformos, fault)
        lossless(platformos, after, ids=["4", "5"])


def test_a_fetch_passes_the_pause_on_to_its_caller_and_keeps_it(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The caller gets 503 with platformOS's own Retry-After. Until then nobody asks platformOS, whatever callers do."""
    running = server()
    platformos.add_many(2)
    fault = platformos.fail("status", status=429, headers={"Retry-After": str(PAUSE_S)})
    for _ in range(3):
        refused = running.post("/call", {"tool": FETCH, "input": {"env": "staging"}})
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["Retry-After"]) <= PAUSE_S
        assert refused.json() == {"error": "platformOS answered 429 for environment staging."}
    with follow(running) as reader:
        assert wait_told(reader) == ["platformOS answered 429 for environment staging."]
        platformos.heal()
        lossless(platformos, reader)
    assert fault.met[0] is platformos.requests[0]
    kept(platformos, fault)
    assert [entry["id"] for entry in running.call(FETCH, {"env": "staging"})["logs"]] == platformos.ids


def test_a_pause_that_is_shorter_than_our_own_changes_nothing(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """With a Retry-After of 0 or in the past our own wait of at least half a second holds."""
    running = server()
    platformos.add_many(1)
    with follow(running) as reader:
        arrived(reader, "1")
        for pause in ("0", in_date_form(-3600)):
            fault = platformos.fail("status", times=1, status=503, headers={"Retry-After": pause})
            refused = platformos.met(fault)
            assert platformos.after(refused).at - refused.at >= 0.49
        lossless(platformos, reader)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("86400", 300),
        ("300", 300),
        ("301", 300),
        ("9" * 400, 300),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
        ("17", 17),
        ("0", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("1e3", None),
        ("Fri, 99 Dec 2026 23:59:59 GMT", None),
    ],
)
def test_a_pause_is_bounded_whatever_was_sent(platformos: PlatformOS, header: str, seconds: float | None) -> None:
    """A day counts as five minutes; what cannot be read counts as nothing, and our own waits hold."""
    gateway = HttpGateway(Environment("staging", platformos.url, token=platformos.token), seconds=5, max_bytes=1 << 20)
    platformos.fail("status", status=429, headers={"Retry-After": header})
    with pytest.raises(GatewayError) as error:
        gateway.after(0)
    gateway.close()
    assert error.value.retry_after == seconds


def test_a_date_is_taken_for_the_seconds_until_it(platformos: PlatformOS) -> None:
    """A date a minute away, by the wall clock, means a pause of a minute."""
    gateway = HttpGateway(Environment("staging", platformos.url, token=platformos.token), seconds=5, max_bytes=1 << 20)
    named = math.floor(time.time()) + 60
    date = format_datetime(datetime.fromtimestamp(named, UTC), usegmt=True)
    platformos.fail("status", status=503, headers={"Retry-After": date})
    with pytest.raises(GatewayError) as error:
        gateway.after(0)
    gateway.close()
    assert error.value.retry_after is not None
    assert 0 <= named - time.time() + 5 - error.value.retry_after + 0.1 <= 10


def test_a_pause_holds_at_an_hours_interval_too(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A first poll that is put off is made up for right after the pause, not after the interval."""
    platformos.add_many(2)

    def paused() -> float:
        fault = platformos.fail("status", times=1, status=503, headers={"Retry-After": "2"})
        running = server()
        with running.stream("platformos.logs.stream", HOUR) as reader:
            wait_told(reader)
            arrived(reader, platformos.ids[-1])
            refused = platformos.met(fault)
            seconds = platformos.after(refused).at - refused.at
            assert seconds >= 2 - 0.01
            with follow(running, lastId="2"):
                lossless(platformos, reader)
        return seconds

    assert quickest(paused, 4) < 4
