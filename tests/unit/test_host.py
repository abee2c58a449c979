"""What a server shows of itself, where the tests have none of its kind to start; and what is made of it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from poslogs.access.slots import Slots
from poslogs.errors import Unavailable
from poslogs.servers.host import Host
from poslogs.servers.server import server_of
from tests.unit.doubles import in_threads

THREADS = {"wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False}
DAEMON = {**THREADS, "mod_wsgi.version": (4, 9, 4), "wsgi.multiprocess": True, "mod_wsgi.maximum_processes": 1}


def beside(owner: object) -> Any:
    """A `start_response` that is a method of `owner`."""
    return SimpleNamespace(__self__=owner)


def met(environ: dict[str, Any], owner: object = None, own: int | None = None) -> tuple[Host, Slots[Any]]:
    """A host that has met a server, and the slots that it bounds."""
    slots: Slots[Any] = Slots(own)
    host = Host(slots)
    host.learn(environ, beside(owner))
    return host, slots


@pytest.mark.parametrize(
    ("environ", "owner", "own", "streams"),
    [
        ({**DAEMON, "mod_wsgi.threads_per_process": "64"}, None, None, 48),
        ({**DAEMON, "mod_wsgi.threads_per_process": 8}, None, None, 6),
        ({**DAEMON, "mod_wsgi.threads_per_process": 8}, None, 4, 4),
        ({**DAEMON, "mod_wsgi.threads_per_process": 8}, None, 100, 6),
        (
            THREADS,
            SimpleNamespace(req=SimpleNamespace(server=SimpleNamespace(requests=SimpleNamespace(min=10)))),
            None,
            8,
        ),
    ],
)
def test_what_a_server_tells_bounds_the_streams(
    environ: dict[str, Any], owner: object, own: int | None, streams: int
) -> None:
    """So do mod_wsgi, in numbers and in text, beside the operator's own bound, and cheroot."""
    host, slots = met(environ, owner, own)
    host.check()
    assert slots.capacity == streams


@pytest.mark.parametrize("threads", [None, "", "many", b"\xff", -1, 0, 10**9, True, 2.5, [], object()])
def test_what_is_no_count_is_not_told(threads: object) -> None:
    """Attributes that a server does not promise may be anything."""
    found = server_of({**DAEMON, "mod_wsgi.threads_per_process": threads}, None)
    assert (found.name, found.threads, found.processes) == ("mod_wsgi", None, 1)
    _, slots = met({**DAEMON, "mod_wsgi.threads_per_process": threads})
    assert slots.capacity == 8


def test_a_daemon_of_mod_wsgi_that_names_one_process_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """mod_wsgi sets wsgi.multiprocess if its configuration has processes=1."""
    caplog.set_level(logging.INFO, "poslogs")
    met({**DAEMON, "mod_wsgi.threads_per_process": 64})
    assert caplog.messages == ["Up to 48 streams at once are held here, under mod_wsgi with 64 threads."]


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {**DAEMON, "mod_wsgi.threads_per_process": 64, "mod_wsgi.maximum_processes": 3},
            "mod_wsgi runs 3 processes, and each would poll platformOS and count limits by itself; let it run as "
            "WSGIDaemonProcess with processes=1 threads=64, or start redis-server and set "
            "POSLOGS_REDIS_URL=redis://127.0.0.1:6379, by which they share both.",
        ),
        (
            {**THREADS, "wsgi.multiprocess": True},
            "this server runs several processes, as far as it says, and each would poll platformOS and count limits "
            "by itself; run `python -m poslogs serve` instead, or start redis-server and set "
            "POSLOGS_REDIS_URL=redis://127.0.0.1:6379, by which they share both.",
        ),
    ],
)
def test_several_processes_hold_no_stream(environ: dict[str, Any], sentence: str) -> None:
    """Each client would have its limits several times. Adapters for ASGI say so too, and never learn who left."""
    host, slots = met(environ)
    assert slots.capacity == 0
    with pytest.raises(Unavailable) as error:
        host.check()
    assert error.value.sentence == f"No stream is opened here: {sentence}"


@pytest.mark.parametrize(
    "environ",
    [
        {**DAEMON, "mod_wsgi.threads_per_process": 64, "mod_wsgi.maximum_processes": 3},
        {**THREADS, "wsgi.multiprocess": True},
    ],
)
def test_processes_that_share_limits_and_polls_hold_streams(environ: dict[str, Any]) -> None:
    """They begin to share with the first request, once."""
    slots: Slots[Any] = Slots(4)
    begun: list[int] = []
    host = Host(slots, share=lambda: begun.append(1))
    host.learn(environ, beside(None))
    host.learn(environ, beside(None))
    host.check()
    assert slots.capacity == 4
    assert begun == [1]


@pytest.mark.parametrize("module", ["flup.server.fcgi_base", "flipflop"])
def test_fastcgi_with_threads_holds_no_stream(module: str) -> None:
    """It says that it has one process; how many there are is for the web server to say, which starts them."""
    host, slots = met({**THREADS, "wsgi.input": type("InputStream", (), {"__module__": module})()})
    assert slots.capacity == 0
    with pytest.raises(Unavailable, match="FastCGI starts processes as it needs them, and each would poll platformOS"):
        host.check()


@pytest.mark.parametrize(
    ("environ", "start"),
    [
        ({"passenger.hijack": print}, "Passenger serves one request at a time, "),
        ({"mod_wsgi.version": (4, 9, 4)}, "mod_wsgi serves one request at a time, "),
        ({"SERVER_SOFTWARE": "gunicorn/27.0.1"}, "gunicorn serves one request at a time, "),
        ({}, "this server serves one request at a time, "),
    ],
)
def test_one_request_at_a_time_holds_no_stream(
    caplog: pytest.LogCaptureFixture, environ: dict[str, Any], start: str
) -> None:
    """mod_wsgi under prefork, gunicorn's sync worker and Passenger's loader are known by what they say of threads."""
    host, slots = met({**THREADS, "wsgi.multithread": False, **environ})
    assert slots.capacity == 0
    with pytest.raises(Unavailable) as error:
        host.check()
    assert error.value.sentence.startswith(f"No stream is opened here: {start}")
    assert error.value.headers == {}
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, error.value.sentence)
    ]


def test_a_server_that_tells_nothing_is_bounded_and_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """The operator knows how many threads it has. The log asks for a bound, unless one is set."""
    _, slots = met(THREADS)
    assert slots.capacity == 8
    assert "set POSLOGS_MAX_STREAMS to fewer than its threads" in caplog.text
    caplog.clear()
    _, slots = met(THREADS, own=20)
    assert slots.capacity == 20
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_first_requests_that_come_together_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Each of them finds the capacity set."""
    slots: Slots[Any] = Slots()
    host = Host(slots)
    found: list[int | None] = []

    def ask() -> None:
        host.learn({**THREADS, "wsgi.multithread": False}, beside(None))
        found.append(slots.capacity)

    in_threads(*[ask] * 8)
    assert found == [0] * 8
    assert len(caplog.messages) == 1
