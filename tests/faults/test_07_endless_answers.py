"""Fault 7: a body of 100 MB, or one that drips endlessly: cut by size and time; memory stays bounded; a failed poll."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
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
    resident,
    stand_ins,
    threads,
    told,
    tries,
    unbroken,
    wait_told,
)
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import wait_for

HUNDRED_MB = 100 << 20
GROWTH_MB = 48  # what the worker may gain, with all of these at once
TOO_MUCH = "platformOS answered more than 1 MiB for environment {}."
TOO_LATE = "platformOS did not answer for environment {} within {} s."
PATIENT_S = 3  # for an answer, where a busy machine must not take a mebibyte for late


@cache
def bomb() -> bytes:
    """A log of 100 MB of nearly nothing, packed to 100 kB."""
    return gzip.compress(b'{"logs":[' + b" " * HUNDRED_MB + b"]}")


FAULTS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "endless": (lambda: {"kind": "huge"}, TOO_MUCH),
    "hundred": (lambda: {"kind": "huge", "size": HUNDRED_MB}, TOO_MUCH),
    "bomb": (lambda: {"kind": "raw", "body": bomb(), "headers": {"Content-Encoding": "gzip"}}, TOO_MUCH),
    "bombs": (
        lambda: {"kind": "raw", "body": gzip.compress(bomb()), "headers": {"Content-Encoding": "gzip, gzip"}},
        "",
    ),
    "drips": (lambda: {"kind": "drip"}, TOO_LATE),
    "drips-slowly": (lambda: {"kind": "drip", "seconds": 0.7}, TOO_LATE),
    "drips-headers": (lambda: {"kind": "drip_headers"}, TOO_LATE),
    "headers": (lambda: {"kind": "flood", "head": b"HTTP/1.1 200 OK\r\n", "block": b"X-More: and more\r\n" * 99}, ""),
    "one-header": (lambda: {"kind": "flood", "head": b"HTTP/1.1 200 OK\r\nX-More: ", "block": b"a" * 9999}, ""),
}


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_endless_answers_are_cut_and_memory_and_threads_stay_bounded(server: Callable[..., Server], kind: str) -> None:
    """Nine kinds at once, two polls of each, give one error each, no silence and no growth; then every row comes."""
    faults = {name: options() for name, (options, _) in FAULTS.items()}  # while there is no poll that this would delay
    with stand_ins(*FAULTS, "well") as instances, ExitStack() as stack:
        running = server(
            kind,
            environments=instances,
            env={"POSLOGS_POLL_SECONDS": f"{PATIENT_S}", "POSLOGS_POLL_MB": "1", "POSLOGS_HEARTBEAT_SECONDS": "0.3"},
            own=True,
        )
        readers = {
            name: stack.enter_context(follow(running, name, (STREAM, LIVE)[index % 2], gzip=index % 3 == 0))
            for index, name in enumerate(instances)
        }
        for platformos in instances.values():
            platformos.add_many(2)
        for reader in readers.values():
            arrived(reader, "2")
        worker = running.worker_pid()
        memory, count = resident(worker), threads(worker)
        for name, options in faults.items():
            instances[name].fail(**options)
            instances[name].add_many(2)
        peak = [memory]
        counts = itertools.count(2)

        def all_fail_again() -> None:
            least = next(counts)

            def all_tried() -> bool:
                peak.append(resident(worker))
                failing = tries(running)
                return all(failing[name] >= least for name in FAULTS)

            wait_for(all_tried, 60)

        unbroken(all_fail_again, 2.5, *readers.values())
        for name, (_, sentence) in FAULTS.items():
            (error,) = told(readers[name])
            wanted = sentence.format(name, PATIENT_S) or ("Connection failed: ", TOO_MUCH.format(name))
            assert error.startswith(wanted), (name, error)
        assert threads(worker) <= count + 2
        for name in FAULTS:
            instances[name].heal()
        all_lossless((platformos, [readers[name]]) for name, platformos in instances.items())
        for name in FAULTS:
            assert len(told(readers[name])) == 1, name
        assert told(readers["well"]) == []
        assert max(peak) - memory < GROWTH_MB, (memory, max(peak))
        wait_for(lambda: threads(worker) <= count + 2)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_bytes_that_drip_without_ever_meaning_anything_are_cut_too(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """A gzip header whose file name never ends, on a connection that is to be closed: nothing to count, yet late."""
    running = server(kind, env={"POSLOGS_POLL_SECONDS": f"{PATIENT_S}"})
    platformos.add_many(2)
    with follow(running) as reader:
        arrived(reader, "2")
        platformos.fail("drip", times=1, packed=True)
        assert wait_told(reader, timeout=20) == [TOO_LATE.format("staging", PATIENT_S)]
        lossless(platformos, reader)


FLOODS = {
    "interim-answers": {"block": b"HTTP/1.1 100 Continue\r\n\r\n" * 2000},
    "packed-nothing": {
        "head": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
        "block": b"\x00\x00\x00\xff\xff" * 10_000,  # blocks of no bytes
    },
    "trailers": {
        "head": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{"logs": []}\r\n0\r\n',
        "block": b"X-More: and more\r\n" * 2000,
    },
    "chunk-extensions": {
        "head": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "block": b"1;" + b"x" * 60_000 + b"\r\n \r\n",
    },
}


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_that_never_becomes_an_answer_starves_nobody(
    server: Callable[..., Server], kind: str, flood: str
) -> None:
    """A flood at full speed is a failed poll in time. Heartbeats come meanwhile, and other streams go on."""
    with stand_ins("staging", "production") as instances:
        running = server(
            kind,
            environments=instances,
            env={"POSLOGS_POLL_SECONDS": f"{PATIENT_S}", "POSLOGS_HEARTBEAT_SECONDS": "0.3"},
            own=True,
        )
        staging, production = instances["staging"], instances["production"]
        staging.add_many(2)
        with follow(running) as reader, follow(running, "production") as other:
            arrived(reader, "2")

            def be_flooded() -> None:
                before = len(reader.errors)
                staging.fail("flood", times=1, **FLOODS[flood])
                assert len(wait_told(reader, before + 1, timeout=20)) == before + 1
                arrived(reader, str(staging.add({})[0]))

            unbroken(be_flooded, 2.5, reader)
            all_lossless([(staging, [reader]), (production, [other])])
            assert told(other) == []


def test_an_answer_just_below_the_bound_comes_whole(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """An answer of nearly 1 MiB comes, plain or packed. One byte more than the bound is too much."""
    running = server(env={"POSLOGS_POLL_MB": "1"})
    with follow(running) as reader:
        for number, packed in ((1, False), (2, True)):
            body = json.dumps({"logs": [{"id": number, "message": "m" * 1_000_000}]}).encode()
            whole = body + b" " * ((1 << 20) - len(body))
            headers = {"Content-Encoding": "gzip"} if packed else {}
            platformos.fail("raw", body=gzip.compress(whole) if packed else whole, headers=headers)
            arrived(reader, str(number))
            platformos.add({"id": number, "message": "m" * 1_000_000})
        assert told(reader) == []
        platformos.fail("raw", times=1, body=whole + b" ")
        assert wait_told(reader) == [TOO_MUCH.format("staging")]
        lossless(platformos, reader)
