"""Foreign configurations: three lines that name our worker class have all that our own configuration has."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, gone
from tests.hosts.foreign import Foreign, Ours
from tests.support.platformos import PlatformOS
from tests.support.reader import TOKEN, Reader
from tests.support.template import Template
from tests.wire import exchange
from tests.wire.exchange import wait_for

pytestmark = pytest.mark.slow

STREAM = "platformos.logs.stream"
INPUT = {"env": "staging", "interval": 250}
STREAMS = 50
GONE_S = 3.0
HOOKS = """
import os
def tell(*words): os.write(1, f"theirs: {' '.join(map(str, words))}\\n".encode())  # a line is whole, whoever writes too
def when_ready(server): tell("when_ready")
def post_worker_init(worker): tell("post_worker_init")
def nworkers_changed(server, new_value, old_value): tell("nworkers_changed", old_value, new_value)
def worker_int(worker): tell("worker_int")
def worker_exit(server, worker): tell("worker_exit")
"""
WRAPPED = """
from wsgi import app as inner

class Middleware:
    def __init__(self, app): self.app = app
    def __call__(self, environ, start_response): return self.app(environ, start_response)

class Changed(Middleware):
    def __call__(self, environ, start_response):
        body = super().__call__(environ, start_response)
        try: yield from body
        finally: getattr(body, "close", lambda: None)()

def hidden(environ, start_response): return inner(environ, start_response)

app = Middleware(Middleware(inner.wsgi_app))
changed = Changed(inner)
"""
UNWELL = """
import os
from poslogs.servers.gunicorn import GeventWorker, ThreadWorker

class Gevent(GeventWorker):
    def _is_well(self): return not os.path.exists("unwell")

class Thread(ThreadWorker):
    def _is_well(self): return not os.path.exists("unwell")
"""
Start = Callable[..., Foreign]

kinds = pytest.mark.parametrize("kind", GUNICORN_KINDS)


@pytest.fixture
def foreign(platformos: PlatformOS, tmp_path: Path) -> Iterator[Start]:
    """Makes a server of a class and kind, and starts it as an operator does, unless `start` is off."""
    with ExitStack() as stack:

        def make(kind: str, cls: type[Foreign] = Foreign, *, start: bool = True, **kw: Any) -> Foreign:
            server = stack.enter_context(cls(tmp_path, kind, platformos, **kw))
            if start:
                server.start()
            return server

        yield make


@pytest.fixture
def running(foreign: Start, templates: Callable[[str], Template]) -> Start:
    """Makes the same and has it forked from a template, for what it does once it runs."""

    def make(kind: str, **kw: Any) -> Foreign:
        return foreign(kind, template=templates(kind), **kw)

    return make


def opened(server: Foreign, stack: ExitStack, count: int = STREAMS) -> list[Reader]:
    """Readers that have their first comment."""
    readers = [stack.enter_context(server.stream(STREAM, INPUT, gzip=bool(index % 2))) for index in range(count)]
    for reader in readers:
        reader.wait_until(lambda reader=reader: bool(reader.comments))  # type: ignore[misc]
    return readers


def ended_well(readers: list[Reader]) -> None:
    """Assert that each stream said when to come back, and ended as an answer ends."""
    for reader in readers:
        reader.wait_end()
        assert reader.ended_clean, reader.dump()
        assert not reader.done
        assert reader.frames[-1].comment == "closing"
        assert 200 <= int(reader.frames[-1].retry or 0) <= 3000


# Starts


@kinds
def test_a_start_that_cannot_work_ends_in_one_sentence(foreign: Start, kind: str) -> None:
    """A clients.json that cannot be used is reported before a worker is made."""
    server = foreign(kind, start=False)
    server.break_clients()
    assert "the token of client default must be" in server.refusal()
    assert "Booting worker" not in server.output


@kinds
@pytest.mark.parametrize(("more", "args"), [("workers = 2\n", []), ("", ["-w", "2"])], ids=["file", "-w"])
def test_two_workers_are_refused(running: Start, kind: str, more: str, args: list[str]) -> None:
    """They are refused however they are asked for."""
    assert running(kind, more=more, args=args, start=False).refusal().startswith("2 workers would each poll")


@pytest.mark.parametrize("cls", [Foreign, Ours])
@pytest.mark.parametrize("threads", ["2", "0"])
def test_threads_that_hold_no_stream_are_refused(running: Start, cls: type[Foreign], threads: str) -> None:
    """Two threads are kept for requests, with our configuration and with another."""
    kind = ["-k", "gthread"] if cls is Ours else []
    refusal = running("gthread", cls=cls, args=[*kind, "--threads", threads], start=False).refusal()
    assert refusal.startswith(f"{threads} threads hold no stream, as 2 are kept for requests; ")
    assert refusal.endswith("start it with --threads 3 or more, such as 256.")


@pytest.mark.parametrize("cls", [Foreign, Ours])
def test_three_threads_hold_a_stream(running: Start, platformos: PlatformOS, cls: type[Foreign]) -> None:
    """Fewer do not. Probes are answered meanwhile, and a second stream is refused."""
    server = running("gthread", cls=cls, args=["--threads", "3", *(["-k", "gthread"] if cls is Ours else [])])
    server.wait_output("capacity      1 streams at once")
    with server.stream(STREAM, INPUT) as reader:
        platformos.add_many(1)
        reader.wait_entries(1)
        assert server.post("/call-stream", {"tool": STREAM, "input": INPUT}).status_code == 503
        assert server.get("/livez", token=None).status_code == 200


def test_preload_is_refused_where_gevent_would_come_too_late(foreign: Start, platformos: PlatformOS) -> None:
    """The app would have been loaded before gevent has patched what it uses."""
    refusal = foreign("gevent", more="preload_app = True\n", start=False).refusal()
    assert refusal == "preload_app would load the app before gevent is ready for it; leave it off, or use -k gthread."


def test_preload_is_taken_with_threads(foreign: Start, platformos: PlatformOS) -> None:
    """It streams as without preload."""
    server = foreign("gthread", more="preload_app = True\n")
    platformos.add_many(2)
    with server.stream(STREAM, INPUT) as reader:
        reader.wait_entries(2)
        server.signal(signal.SIGTERM)
        ended_well([reader])
    assert server.wait_exit() == 0


@pytest.mark.parametrize(("kind", "capacity"), [("gevent", 800), ("gthread", 240)])
def test_the_start_up_lines_tell_the_capacity(foreign: Start, kind: str, capacity: int) -> None:
    """That is of gunicorn's default of 1000 connections. Threads are our 256: its default of one serves one stream."""
    server = foreign(kind)
    server.wait_output(f"capacity      {capacity} streams at once")
    assert "Traceback" not in server.output


# Streams


@pytest.mark.parametrize(("kind", "connection"), [("gevent", "close"), ("gthread", "keep-alive")])
def test_streams_are_direct_where_they_can_be(
    running: Start, platformos: PlatformOS, kind: str, connection: str
) -> None:
    """A direct stream says that its connection ends with it."""
    server = running(kind)
    platformos.add_many(3)
    with server.stream(STREAM, INPUT) as reader:
        reader.wait_entries(3)
        assert reader.headers["connection"] == connection
        assert server.streams_open() == 1


@kinds
def test_what_gunicorn_refuses_has_our_shape(running: Start, kind: str) -> None:
    """A request that cannot be read never reaches the app."""
    server = running(kind)
    answer = exchange.ask(server, b"GET / HTTP/1.1\r\nHost: a\r\nNo colon here\r\n\r\n")
    assert answer.status == 400
    assert answer.sentence == "Bad request: the request could not be understood."
    assert answer.headers["connection"] == "close"


@kinds
def test_heads_are_bounded_and_set_no_path(running: Start, kind: str) -> None:
    """This holds whatever the configuration allows a field, however it maps names, and from whomever it takes them."""
    more = 'limit_request_fields = 1000\nlimit_request_line = 0\nforwarded_allow_ips = "*"\nheader_map = "dangerous"\n'
    server = running(kind, more=more)
    begin = b"GET /livez HTTP/1.1\r\nHost: a\r\n"
    assert exchange.ask(server, begin + b"X: y\r\n" * 12_000).status == 431
    assert exchange.ask(server, b"GET /" + b"a" * 66_000).status == 431
    for line in (b"SCRIPT_NAME: /livez", b"SCRIPT_NAME: /wrong", b"PATH_INFO: /wrong"):
        assert exchange.ask(server, begin + line + b"\r\n\r\n").status == 200


@kinds
def test_a_path_is_set_by_a_header_where_the_configuration_names_it(running: Start, kind: str) -> None:
    """A path outside the named one is refused as the client's fault, without a traceback."""
    server = running(kind, more='forwarder_headers = "SCRIPT_NAME"\n')
    for path, status in ((b"/logs/livez", 200), (b"/livez", 400)):
        data = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /logs\r\n\r\n"
        assert exchange.ask(server, data).status == status
    assert "Traceback" not in server.output


@pytest.mark.parametrize(("app", "connection"), [("wrapped:app", "close"), ("wrapped:changed", "keep-alive")])
def test_an_app_in_middleware_is_served(
    running: Start, platformos: PlatformOS, tmp_path: Path, app: str, connection: str
) -> None:
    """The app is found behind two wrappers. Where one changes the body, streams are not direct."""
    (tmp_path / "wrapped.py").write_text(WRAPPED)
    server = running("gevent", app=app)
    platformos.add_many(3)
    with server.stream(STREAM, INPUT) as reader:
        reader.wait_entries(3)
        assert reader.headers["connection"] == connection
        server.signal(signal.SIGTERM)
        ended_well([reader])
    assert server.wait_exit() == 0


def test_an_app_that_cannot_be_found_ends_the_start_with_the_way_out(foreign: Start, tmp_path: Path) -> None:
    """A function hides the app that it wraps."""
    (tmp_path / "wrapped.py").write_text(WRAPPED)
    assert (
        "wrap it as app.wsgi_app = Middleware(app.wsgi_app)."
        in foreign("gevent", app="wrapped:hidden", start=False).refusal()
    )


# Stops and reloads


@kinds
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP], ids=lambda number: number.name
)
def test_fifty_streams_end_well_whatever_ends_the_worker(running: Start, kind: str, number: signal.Signals) -> None:
    """Each stream says when to come back, and the worker is gone within three seconds."""
    server = running(kind)
    with ExitStack() as stack:
        readers = opened(server, stack)
        old = server.worker_pid()
        begun = time.monotonic()
        server.signal(number)
        wait_for(lambda: gone(old), 10)
        assert time.monotonic() - begun < bound(GONE_S)
        ended_well(readers)
    if number is signal.SIGHUP:
        server.wait_live()
    else:
        assert server.wait_exit() == 0
    assert "Traceback" not in server.output


@kinds
def test_streams_end_well_when_a_worker_has_had_its_requests(running: Start, kind: str) -> None:
    """At max_requests the next worker serves."""
    server = running(kind, more="max_requests = 100\n")
    with ExitStack() as stack:
        readers = opened(server, stack, 10)
        old = server.worker_pid()
        for _ in range(100):
            if readers[0].ended:
                break
            exchange.get(server, "/livez")
        wait_for(lambda: gone(old), 10)
        ended_well(readers)
    server.wait_live()
    assert "Traceback" not in server.output


@kinds
@pytest.mark.parametrize("broken", ["clients.json", "the configuration", "two workers"])
def test_a_reload_that_would_not_work_changes_nothing_and_says_why(
    running: Start, platformos: PlatformOS, kind: str, broken: str
) -> None:
    """The stream that is open goes on, and so does everything else."""
    server = running(kind)
    with server.stream(STREAM, INPUT) as reader:
        worker = server.worker_pid()
        if broken == "clients.json":
            server.break_clients()
        else:
            server.configure("workers = 2\n" if broken == "two workers" else "this is no Python\n")
        server.signal(signal.SIGHUP)
        told = server.out.wait("Not reloaded, and all goes on as it was: ")
        why = {"clients.json": "client default", "two workers": "2 workers would each"}.get(broken, "configuration")
        assert why in told.split("Not reloaded")[1]
        platformos.add_many(1)
        reader.wait_entries(1)
        assert server.worker_pids() == [worker]
        server.configure()
        server.clients_file.write_text(json.dumps({"default": {"token": TOKEN}}))
        server.signal(signal.SIGHUP)
        ended_well([reader])
    wait_for(lambda: gone(worker), 10)
    server.wait_live()


@kinds
def test_the_operator_s_own_hooks_run(running: Start, kind: str) -> None:
    """This holds for hooks that we chain, and for those at ends. A second worker is refused, after a reload too."""
    server = running(kind, more=HOOKS)
    server.wait_output("theirs: when_ready")
    server.wait_output("theirs: post_worker_init")
    for time_ in (1, 2):
        server.signal(signal.SIGTTIN)
        server.out.wait_until(lambda text, count=time_: text.count("poslogs stays at one worker") == count)  # type: ignore[misc]
        server.out.wait_until(lambda text, count=time_: text.count("nworkers_changed 1 2") == count)  # type: ignore[misc]
        old = server.worker_pid()
        server.signal(signal.SIGHUP)
        wait_for(lambda old=old: gone(old), 10)  # type: ignore[misc]
        server.wait_live()
    wait_for(lambda: len(server.worker_pids()) == 1)  # one that has ended is a child until it is waited for
    server.signal(signal.SIGINT)
    assert server.wait_exit() == 0
    server.out.wait_closed()
    assert "theirs: worker_int" in server.output
    assert server.output.count("theirs: worker_exit") == 3


@pytest.mark.parametrize(("kind", "name"), [("gevent", "Gevent"), ("gthread", "Thread")])
def test_a_worker_that_is_not_well_is_replaced_and_its_streams_end_well(
    running: Start, tmp_path: Path, kind: str, name: str
) -> None:
    """The worker says so once, and stops reporting to gunicorn that it is alive."""
    (tmp_path / "unwell.py").write_text(UNWELL)
    server = running(kind, more=f'worker_class = "unwell.{name}"\ntimeout = 3\n')
    with ExitStack() as stack:
        readers = opened(server, stack, 4)
        old = server.worker_pid()
        (tmp_path / "unwell").touch()
        server.out.wait("This worker is not well, and waits to be replaced.")
        server.out.wait("WORKER TIMEOUT", 15)
        (tmp_path / "unwell").unlink()
        ended_well(readers)
        wait_for(lambda: gone(old), 15)
    server.wait_live()
    wait_for(lambda: len(server.worker_pids()) == 1)


# Our own configuration


@pytest.mark.parametrize(("kind", "capacity"), [("gevent", 5800), ("gthread", 240)])
def test_plain_names_of_worker_classes_mean_ours(foreign: Start, kind: str, capacity: int) -> None:
    """`-k gevent` and `-k gthread` work with gunicorn.conf.py, in a folder from which poslogs cannot be imported."""
    server = foreign(kind, Ours, args=["-k", kind])
    server.wait_output(f"capacity      {capacity} streams at once")
    with ExitStack() as stack:
        readers = opened(server, stack, 4)
        assert {reader.headers["connection"] for reader in readers} == {"close" if kind == "gevent" else "keep-alive"}
        server.signal(signal.SIGTERM)
        ended_well(readers)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("name", ["sync", "gevent_pywsgi"])
def test_another_worker_class_is_refused(running: Start, name: str) -> None:
    """Another class would cut streams at a stop, and nobody would know."""
    refusal = running("gevent", cls=Ours, args=["-k", name], start=False).refusal()
    assert refusal.startswith("gunicorn.workers.")
    assert refusal.endswith(" cuts streams off at a stop; use -k gevent or -k gthread.")
