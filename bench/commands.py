"""What Redis spends on the commands of the shared poll, one after the other: `commands.py PORT CALLS` prints JSON.

It runs in a process of its own, with the poslogs that is measured: its engine, its scripts, its listener's command.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from random import Random

from poslogs.fleet.address import Address
from poslogs.fleet.engine import Engine
from poslogs.fleet.listener import MOST_OUTCOMES
from poslogs.fleet.members import Members
from poslogs.fleet.poll_bus import PollBus
from poslogs.fleet.polls import Polls
from poslogs.platformos.environments import Environment
from poslogs.streaming.bus import Note

OUTCOME_BYTES = 10_000
ENVIRONMENTS = (10, 100, 1000)
HOUR = 3600.0


def main(port: int, calls: int) -> dict[str, float]:
    """Microseconds of each command, over so many calls."""
    engine = Engine(Address(f"redis://127.0.0.1:{port}/0"), "bench")
    engine.reach()
    environment = Environment("bench", "https://bench.example.com", "e@example.com", "t")
    bus = PollBus(Polls(engine, Members(engine)), environment, threading.Event())
    outcome = Random(7).randbytes(OUTCOME_BYTES)
    tip = ""

    def publish() -> None:
        nonlocal tip
        claimed = bus.claim(tip, 1, 0.0, late=None, whole=False, joins=False)
        assert claimed is not None
        assert claimed.granted
        published = bus.publish(tip, outcome, 1, Note())
        assert published is not None
        assert published.granted
        tip = published.tip

    def claim() -> None:
        stand = bus.claim(tip, 1, HOUR, late=None, whole=False, joins=False)
        assert stand is not None
        assert not stand.granted

    found = {"publication_us": _each(engine, publish, calls), "claim_us": _each(engine, claim, calls)}
    for count in ENVIRONMENTS:
        found[f"read_{count}_us"] = _each(engine, _reading(engine, count, outcome), calls)
    return found


def _reading(engine: Engine, count: int, outcome: bytes) -> Callable[[], None]:
    """Reads so many environments as the listener does, as an outcome has come in one of them."""
    streams = [engine.key(f"{{bench{number}}}", "log") for number in range(count)]
    tips = [engine.ask("XADD", stream, "*", "before", "", "data", outcome).decode() for stream in streams]
    tips[-1] = "0-0"
    command = ("XREAD", "COUNT", MOST_OUTCOMES, "BLOCK", 200, "STREAMS", *streams, *tips)

    def read() -> None:
        assert len(engine.ask(*command)) == 1

    return read


def _each(engine: Engine, call: Callable[[], None], calls: int) -> float:
    call()
    before = _cpu(engine)
    for _ in range(calls):
        call()
    return round((_cpu(engine) - before) * 1e6 / calls, 1)


def _cpu(engine: Engine) -> float:
    """CPU seconds of Redis since its start."""
    lines = (line.partition(":") for line in engine.ask("INFO", "cpu").decode().splitlines())
    told = {name: value for name, _, value in lines}
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
