"""Servers that cannot hold a stream say so, and never hang; those that state their capacity refuse beyond it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hosts.elsewhere import Elsewhere
from tests.support.platformos import PlatformOS
from tests.support.server import REPO
from tests.support.template import Template

pytestmark = pytest.mark.slow

STREAM = "platformos.logs.stream"
INPUT = {"env": "staging", "interval": 250}
ASKED = {"tool": STREAM, "input": INPUT}
NONE = "No stream is opened here: "
SYNC = (
    "gunicorn serves one request at a time, so that a stream would keep all others waiting; start it with "
    "-k poslogs.servers.gunicorn.GeventWorker, or run `python -m poslogs serve` instead."
)
FEW = "too few threads for a stream beside requests"
SEVERAL = "and each would poll platformOS and count limits by itself; start"
UNTOLD = "does not say how many requests it serves at once"
AGENT = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
LIVE = {"name": "platformos_logs_live", "arguments": {"env": "staging", "maxDuration": 55000}}
THREADS = ["--enable-threads", "--threads"]
Start = Callable[..., Elsewhere]


@pytest.fixture
def elsewhere(platformos: PlatformOS, tmp_path: Path, templates: Callable[[str], Template]) -> Iterator[Start]:
    """Starts a server of a kind with arguments, and ends it with the test."""
    with ExitStack() as stack:

        def start(kind: str, *args: str) -> Elsewhere:
            server = Elsewhere(tmp_path, kind, platformos, *args, start=False, templates=templates)
            (tmp_path / "mine.py").write_text("worker_class = 'sync'\n")
            stack.enter_context(server)
            server.start()
            return server

        yield start


ALONE = [
    pytest.param("gunicorn", ["--chdir", str(REPO)], SYNC, id="gunicorn from another folder"),
    pytest.param("gunicorn", ["-c", "mine.py"], SYNC, id="gunicorn with a configuration of one's own"),
    pytest.param("gunicorn", ["-k", "gthread", "--threads", "1"], f"gunicorn has {FEW} (1); start", id="gthread of 1"),
    pytest.param("gunicorn", ["--threads", "2"], f"gunicorn has {FEW} (2); start", id="gthread of 2"),
    pytest.param("wsgiref", [], "serves one request at a time, so that a stream would keep all", id="wsgiref"),
    pytest.param("pywsgi", [], "gevent serves, but Python's threading is not patched", id="gevent that is not patched"),
    pytest.param(
        "waitress", ["--threads=1"], f"waitress has {FEW} (1); start it with --threads=64", id="waitress of 1"
    ),
    pytest.param(
        "waitress", ["--threads=2"], f"waitress has {FEW} (2); start it with --threads=64", id="waitress of 2"
    ),
]


@pytest.mark.parametrize(("kind", "args", "sentence"), ALONE)
def test_no_stream_is_opened_and_all_else_is_answered(
    elsewhere: Start, platformos: PlatformOS, kind: str, args: list[str], sentence: str
) -> None:
    """The 503 says what is wrong and what to start. The log says it once, at the first request."""
    says_what_to_start(elsewhere(kind, *args), platformos, sentence)


def says_what_to_start(server: Elsewhere, platformos: PlatformOS, sentence: str, processes: int = 1) -> None:
    """Assert that such a server says what to start. Each process has its own log, and may have got no request."""
    platformos.add_many(2)
    server.wait_output(NONE)  # the probe was the first request
    for _ in range(2):
        answer = server.post("/call-stream", ASKED)
        assert answer.status_code == 503
        assert answer.json()["error"].startswith(NONE)
        assert sentence in answer.json()["error"]
        assert "Retry-After" not in answer.headers  # it does not go away
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": LIVE}
    assert sentence in server.post("/mcp", call, headers=AGENT).text
    assert server.get("/livez", token=None).status_code == 200
    assert len(server.get("/tools").json()["tools"]) > 3
    assert [entry["id"] for entry in server.call("platformos.logs.fetch", {"env": "staging"})["logs"]] == ["1", "2"]
    assert server.call("platformos.logs.report", {"env": "staging"})["total"] == 2
    assert server.get("/", token=None).headers["Content-Type"].startswith("text/html")  # it asks: tests/page
    assert server.get("/page/asking.js", token=None).status_code == 200
    assert server.streams_open() == 0
    assert 1 <= server.told(NONE) <= processes, server.output
    assert "Traceback" not in server.output


# Servers that hold streams, and state how many


@pytest.mark.parametrize(
    ("kind", "args", "count"),
    [
        pytest.param("gunicorn", ["--threads", "3"], 1, id="gthread of 3"),
        pytest.param("gunicorn", ["-k", "gthread", "--threads", "8"], 6, id="gthread of 8"),
        pytest.param("gunicorn", ["-k", "gevent", "--worker-connections", "12"], 8, id="gevent of 12"),
        pytest.param("waitress", [], 2, id="waitress's default of 4"),
        pytest.param("waitress", ["--threads=12", "--channel-request-lookahead=1"], 9, id="waitress of 12"),
    ],
)
def test_a_full_server_refuses_and_goes_on(
    elsewhere: Start, platformos: PlatformOS, kind: str, args: list[str], count: int
) -> None:
    """The stream beyond what it can hold is refused; requests are answered, and the streams go on."""
    fills_and_refuses(elsewhere(kind, *args), platformos, count)


def fills_and_refuses(server: Elsewhere, platformos: PlatformOS, count: int) -> None:
    """Assert that such a server holds `count` streams and refuses the next."""
    with ExitStack() as stack:
        readers = [stack.enter_context(server.stream(STREAM, INPUT)) for _ in range(count)]
        for reader in readers:
            reader.wait_until(lambda reader=reader: bool(reader.comments))  # type: ignore[misc]
        answer = server.post("/call-stream", ASKED)
        assert answer.status_code == 503
        assert answer.json()["error"].startswith("This server has as many streams as it can hold")
        assert server.get("/livez", token=None).status_code == 200
        assert server.streams_open() == count
        assert f"poslogs_streams_capacity {count}.0" in server.get("/metrics").text
        platformos.add_many(1)
        for reader in readers:
            reader.wait_entries(1)
    assert NONE not in server.output
    assert UNTOLD not in server.output
    assert server.told(f"Up to {count} streams at once are held here, under ") == 1


def test_gevent_s_own_server_holds_streams_where_it_is_patched(elsewhere: Start, platformos: PlatformOS) -> None:
    """The server says that no threads serve. That is not a reason to refuse: greenlets serve."""
    server = elsewhere("patched pywsgi")
    platformos.add_many(1)
    with server.stream(STREAM, INPUT) as one, server.stream(STREAM, INPUT) as other:
        one.wait_entries(1)
        other.wait_entries(1)
        assert server.streams_open() == 2
    assert NONE not in server.output
    assert UNTOLD not in server.output


@pytest.mark.parametrize(
    ("kind", "args", "sentence", "processes"),
    [
        pytest.param(
            "gunicorn", ["--threads", "8", "-w", "2"], f"gunicorn runs 2 processes, {SEVERAL}", 2, id="gunicorn"
        ),
        pytest.param(
            "uwsgi",
            [*THREADS, "8", "--processes", "4"],
            f"uWSGI runs 4 processes, {SEVERAL}",
            4,
            id="uWSGI",
        ),
    ],
)
def test_several_processes_hold_no_stream(
    elsewhere: Start, platformos: PlatformOS, kind: str, args: list[str], sentence: str, processes: int
) -> None:
    """Each process has its own limits, slots and feeds, so they would multiply."""
    says_what_to_start(elsewhere(kind, *args), platformos, sentence, processes)


# Starts


@pytest.mark.parametrize("args", [[], ["-k", "gthread", "--threads", "8"], ["--preload"]], ids=" ".join)
def test_a_start_that_cannot_work_ends(tmp_path: Path, platformos: PlatformOS, args: list[str]) -> None:
    """A gunicorn without a check before the start prints one sentence, and does not try again forever."""
    with Elsewhere(tmp_path, "gunicorn", platformos, *args, start=False) as server:
        server.clients_file.write_text(json.dumps({"default": {"token": 7}}))
        server.start(wait=False)
        assert server.wait_exit(30) > 0
        server.out.wait_closed()
        assert server.told("poslogs cannot start: ") == 1, server.output
        assert "Traceback" not in server.output


# Stops


@pytest.mark.parametrize(
    ("kind", "args", "number", "status"),
    [
        pytest.param("waitress", ["--threads=8"], signal.SIGTERM, -signal.SIGTERM, id="waitress, SIGTERM"),
        pytest.param("waitress", ["--threads=8"], signal.SIGINT, 0, id="waitress, SIGINT"),
        pytest.param("patched pywsgi", [], signal.SIGTERM, -signal.SIGTERM, id="gevent's own"),
        pytest.param("gunicorn", ["-k", "gthread", "--threads", "8"], signal.SIGTERM, 0, id="gunicorn's gthread"),
    ],
)
def test_a_signal_that_ends_the_server_ends_its_streams_first(
    elsewhere: Start, platformos: PlatformOS, kind: str, args: list[str], number: signal.Signals, status: int
) -> None:
    """Readers are told when to come back, the log has their lines, and the process ends as it would have without us."""
    server = elsewhere(kind, *args)
    platformos.add_many(1)
    with server.stream(STREAM, INPUT) as plain, server.stream(STREAM, INPUT, gzip=True) as packed:
        for reader in (plain, packed):
            reader.wait_entries(1)
        server.signal(number)
        for reader in (plain, packed):
            reader.wait_end()
            assert reader.frames[-1].comment == "closing", reader.dump()
            assert reader.frames[-1].retry is not None
            assert not reader.done
    assert server.wait_exit() == status
    server.out.wait_closed()
    assert server.told('reason="drained"') == 2
    assert "Traceback" not in server.output


# uWSGI


@pytest.mark.parametrize(
    ("kind", "args", "sentence"),
    [
        pytest.param("uwsgi", [], "uWSGI serves one request at a time, so that a stream", id="no threads"),
        pytest.param(
            "uwsgi router", [], "uWSGI serves one request at a time, so that a stream", id="behind its router"
        ),
        pytest.param("uwsgi", THREADS[:1], "start it with --enable-threads --threads 64", id="Python's threads alone"),
        pytest.param("uwsgi", [*THREADS, "2"], f"uWSGI has {FEW} (2); start", id="threads of 2"),
        pytest.param("uwsgi", ["--gevent", "20"], "(uWSGI: --gevent-early-monkey-patch)", id="gevent not patched"),
    ],
)
def test_uwsgi_that_cannot_hold_a_stream_says_so(
    elsewhere: Start, platformos: PlatformOS, kind: str, args: list[str], sentence: str
) -> None:
    """This holds with its defaults, and with threads or greenlets in name only."""
    says_what_to_start(elsewhere(kind, *args), platformos, sentence)


@pytest.mark.parametrize(
    ("kind", "args", "count"),
    [
        pytest.param("uwsgi", [*THREADS, "8"], 6, id="threads of 8"),
        pytest.param("uwsgi router", [*THREADS, "8"], 6, id="threads of 8 behind its router"),
        pytest.param("uwsgi", ["--gevent", "12", "--gevent-early-monkey-patch"], 8, id="gevent of 12"),
    ],
)
def test_uwsgi_refuses_what_is_beyond_its_threads(
    elsewhere: Start, platformos: PlatformOS, kind: str, args: list[str], count: int
) -> None:
    """uWSGI states how many threads it has."""
    fills_and_refuses(elsewhere(kind, *args), platformos, count)
