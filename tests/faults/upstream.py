"""What the tests of platformOS's faults share: what lossless means, and how the server is meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.support.transcript import Transcript
from tests.wire.exchange import wait_for

STREAM = "platformos.logs.stream"
LIVE = "platformos.logs.live"
WERE_RESET = (
    "The ids of environment staging were reset, as after a restored backup; the stream goes on with what is new."
)
FETCH = "platformos.logs.fetch"
QUICK = {"env": "staging", "interval": 250}
HOUR = {"env": "staging", "interval": 3_600_000}


def follow(server: Server, env: str = "staging", tool: str = STREAM, *, interval: int = 250, **kw: Any) -> Reader:
    """A reader of `env`; what is not an input of a tool goes to Reader."""
    input_ = {name: kw.pop(name) for name in ("lastId", "tail", "filter", "maxDuration") if name in kw}
    return server.stream(tool, {"env": env, "interval": interval, **input_}, **kw)


def lossless(
    platformos: PlatformOS, *readers: Transcript, ids: Sequence[str] | None = None, timeout: float = 20
) -> None:
    """Assert that each reader has every listed row (or those of `ids`), once, in order; two more rows show it.

    The second of them comes a poll after the first: by then a double would have come too.
    """
    all_lossless([(platformos, readers)], ids, timeout)


def all_lossless(
    pairs: Iterable[tuple[PlatformOS, Sequence[Transcript]]], ids: Sequence[str] | None = None, timeout: float = 20
) -> None:
    """The same for several stand-ins at once, each with its readers."""
    expected = [(each, readers, list(each.ids if ids is None else ids)) for each, readers in pairs]
    for _ in range(2):
        for platformos, _, wanted in expected:
            wanted += [str(number) for number in platformos.add({"message": "one more"})]
        for _, readers, wanted in expected:
            for reader in readers:
                arrived(reader, wanted[-1], timeout)
    for platformos, readers, wanted in expected:
        rows = platformos.rows
        for reader in readers:
            assert reader.entry_ids == wanted, reader.dump()
            for entry in reader.entries:
                if isinstance(message := rows[int(entry["id"])].get("message"), str):
                    assert entry["message"] == message


def arrived(reader: Transcript, id_: str, timeout: float = 20) -> None:
    """Wait until the reader has the entry of this id."""
    wait_entry(reader, "id", id_, timeout)


def wait_entry(reader: Transcript, field: str, value: str, timeout: float = 20) -> None:
    """Wait until the reader has an entry whose field has this value."""
    seen = 0
    found = False

    def look() -> bool:
        nonlocal seen, found
        fresh, seen = reader.entries[seen:], len(reader.entries)
        found = found or any(entry[field] == value for entry in fresh)
        return found

    reader.wait_until(look, timeout)
    assert found, f"ended without the entry\n{reader.dump()}"


def told(reader: Transcript) -> list[str]:
    """The sentences of the errors that the reader got."""
    return [error["message"] for error in list(reader.errors)]


def longest_silence(reader: Transcript, since: float) -> float:
    """The longest time between two frames that came after the moment `since`."""
    times = [since, *(frame.at for frame in list(reader.frames) if frame.at > since)]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)


def unbroken(act: Callable[[], object], seconds: float, *readers: Transcript) -> None:
    """Assert that while `act` runs no silence of these readers is as long as this, nor the one at its end.

    It may run three times: one quiet enough will do, as a machine may stand still in another.
    """
    silences = []
    for _ in range(3):
        begun = time.monotonic()
        act()
        ended = time.monotonic()
        silences.append(max(max(longest_silence(each, begun), ended - _last_frame(each, begun)) for each in readers))
        if silences[-1] < seconds:
            return
    raise AssertionError(f"silences of {silences} s")


def _last_frame(reader: Transcript, since: float) -> float:
    return max(since, reader.frames[-1].at)


def wait_told(reader: Transcript, count: int = 1, timeout: float = 10) -> list[str]:
    """The sentences of the reader's errors as soon as there are `count`."""
    reader.wait_until(lambda: len(reader.errors) >= count, timeout)
    assert len(reader.errors) >= count, reader.dump()
    return told(reader)


def tries(server: Server) -> dict[str, int]:
    """How many polls of each environment have failed one after another by now."""
    told = server.get("/health").json()["environments"]
    return {each["name"]: each.get("failing", {}).get("tries", 0) for each in told}


def wait_tries(server: Server, count: int, env: str = "staging", timeout: float = 15) -> None:
    """Wait until `count` polls of an environment have failed one after another."""
    wait_for(lambda: tries(server)[env] >= count, timeout)


@contextmanager
def stand_ins(*names: str) -> Iterator[dict[str, PlatformOS]]:
    """A stand-in for each name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(PlatformOS()) for name in names}


def resident(pid: int) -> int:
    """The memory that a process has, in MiB."""
    return _status(pid, "VmRSS") >> 10


def threads(pid: int) -> int:
    """How many threads of the system a process has."""
    return _status(pid, "Threads")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
