"""Fault 33: a loop on which many streams depend fails, or stands still: it goes on, or the worker is replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, Steady, flowing, lossless
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import STREAM, wait_for

Start = Callable[..., Server]
LOOPS = {
    "gevent": ("closings", "deadlines", "direct", "files", "losses", "poller", "stops", "visits"),
    "gthread": ("closings", "deadlines", "files", "losses", "poller", "stops", "visits"),
}
EACH = [(kind, loop) for kind in GUNICORN_KINDS for loop in LOOPS[kind]]
SOME = [("gevent", "direct"), ("gevent", "closings"), ("gthread", "poller"), ("gthread", "files")]
TIMES = 3
STALLED_S = 40.0  # 10 s until it counts as stalled, on a loaded machine
REPLACED_S = 90.0


class Break:
    """Decides what the server's loops meet from now on (tests/support/breaking.py)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "break.json"

    def set(self, wishes: dict[str, object]) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(wishes))
        fresh.replace(self.path)


def broken(server: Start, kind: str, folder: Path, *args: str) -> tuple[Server, Break]:
    """A server whose loops can be broken."""
    breaks = Break(folder)
    env = {"BREAK_FILE": str(breaks.path), "POSLOGS_HEARTBEAT_SECONDS": "0.5"}
    return server(kind, env=env, app="tests.support.breaking:app", args=args), breaks


def faults(running: Server) -> dict[str, float]:
    """What /metrics counts, by loop."""
    text = running.get("/metrics").text
    return {m[1]: float(m[2]) for m in re.finditer(r'poslogs_loop_faults_total\{loop="(\w+)"\} (\S+)', text)}


def degraded(running: Server) -> list[str]:
    """The loops that /health names."""
    told = running.get("/health").json()
    assert told["status"] == ("degraded" if "degraded" in told else "ok")
    names: list[str] = told.get("degraded", [])
    return names


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_every_loop_that_fails_is_told_counted_and_goes_on(
    server: Start, platformos: PlatformOS, kind: str, tmp_path: Path
) -> None:
    """Three turns of each raise. The log has tracebacks, /metrics counts; entries, heartbeats and slots go on."""
    running, breaks = broken(server, kind, tmp_path)
    with running.stream(STREAM, INPUT) as reader, running.stream(STREAM, INPUT) as leaves:
        platformos.add_many(3)
        reader.wait_entries(3)
        leaves.wait_entries(3)
        breaks.set(dict.fromkeys(LOOPS[kind], TIMES))
        wait_for(lambda: faults(running) == dict.fromkeys(LOOPS[kind], float(TIMES)), STALLED_S)
        breaks.set({})
        wait_for(lambda: running.output.count("tests.support.breaking.Broken: poller") >= TIMES, STALLED_S)
        assert running.output.count("tests.support.breaking.Broken: poller") == TIMES
        platformos.add_many(3)
        assert [entry["id"] for entry in reader.wait_entries(6)] == platformos.ids
        beats = reader.comments.count("heartbeat")
        reader.wait_until(lambda: reader.comments.count("heartbeat") > beats)
        leaves.reset()
        wait_for(lambda: running.streams_open() == 1)
        wait_for(lambda: degraded(running) == [])
        running.process.terminate()  # type: ignore[union-attr]
        reader.wait_end()
        assert reader.frames[-1].retry
        assert running.wait_exit() == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_loops_that_stand_still_are_named_and_the_probes_fail_until_they_turn(
    server: Start, platformos: PlatformOS, kind: str, tmp_path: Path
) -> None:
    """When all stand still /health names each, and /livez and /readyz answer 503; then they go on, without loss."""
    running, breaks = broken(server, kind, tmp_path)
    with running.stream(STREAM, INPUT) as reader:
        platformos.add_many(3)
        reader.wait_entries(3)
        breaks.set(dict.fromkeys(LOOPS[kind], str(running.worker_pid())))
        platformos.add_many(3)
        wait_for(lambda: degraded(running) == list(LOOPS[kind]), STALLED_S)
        for path in ("/livez", "/readyz"):
            answer = running.get(path, token=None)
            assert (answer.status_code, answer.json()) == (503, {"status": "degraded"})
        assert f"poslogs_loops_stalled {float(len(LOOPS[kind]))}" in running.get("/metrics").text
        breaks.set({})
        wait_for(lambda: degraded(running) == [], STALLED_S)
        assert running.get("/livez", token=None).status_code == 200
        assert [entry["id"] for entry in reader.wait_entries(6)] == platformos.ids
    for name in LOOPS[kind]:
        assert re.search(rf"ERROR poslogs.supervisor: {name.capitalize()}( staging)? stands still", running.output)
    assert "Traceback" not in running.output


def replaced(server: Start, platformos: PlatformOS, folder: Path, kind: str, loop: str) -> None:
    """Assert that gunicorn replaces a worker whose loop stands still for good, and that its reader loses nothing."""
    running, breaks = broken(server, kind, folder, "--timeout", "3")
    old = running.worker_pid()
    with Steady(running.url) as reader, flowing(platformos):
        reader.wait(3)
        breaks.set({loop: str(old)})
        wait_for(lambda: _others(running.worker_pids(), old), REPLACED_S)
        count = reader.count
        reader.wait(count + 3, REPLACED_S)
    running.wait_output(f"{loop.capitalize()}")
    with Steady(running.url, lastId="0") as late:
        lossless([late], platformos)
    assert degraded(running) == []


def _others(pids: Iterable[int], old: int) -> bool:
    return bool(set(pids) - {old}) and old not in pids


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "loop"), SOME)
def test_a_worker_whose_loop_stands_still_is_replaced_and_readers_resume(
    server: Start, platformos: PlatformOS, tmp_path: Path, kind: str, loop: str
) -> None:
    """The worker stops reporting to gunicorn that it is alive."""
    replaced(server, platformos, tmp_path, kind, loop)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "loop"), [each for each in EACH if each not in SOME])
def test_a_worker_is_replaced_whichever_loop_stands_still(
    server: Start, platformos: PlatformOS, tmp_path: Path, kind: str, loop: str
) -> None:
    """This holds for the other loops too."""
    replaced(server, platformos, tmp_path, kind, loop)


@pytest.mark.slow
def test_a_probe_tells_strangers_no_more_than_that_something_stands_still(
    server: Start, platformos: PlatformOS, tmp_path: Path
) -> None:
    """Only callers with a token see a loop's name, and only the log has an environment's."""
    clients = {"one": {"token": TOKEN, "envs": ["production"], "limits": {"requests": "100000 per minute"}},
               "two": {"token": "second-token", "limits": {"requests": "100000 per minute"}}}  # fmt: skip
    breaks = Break(tmp_path)
    running = server(
        clients=clients,
        environments={"staging": platformos, "production": platformos},
        env={"BREAK_FILE": str(breaks.path)},
        app="tests.support.breaking:app",
    )
    with running.stream(STREAM, INPUT, token="second-token") as reader:
        reader.wait_until(lambda: bool(reader.comments))
        breaks.set({"poller": str(running.worker_pid())})
        wait_for(lambda: degraded(running) == ["poller"], STALLED_S)
        assert "staging" not in running.get("/health").text
        assert running.get("/livez", token=None).json() == {"status": "degraded"}
        breaks.set({})
