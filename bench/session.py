"""A session: the scenarios with their peers in turn, a number of times, and all figures as one record."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import RunFailed
from bench.peers import PEERS
from bench.places import Places
from bench.run import run
from bench.scenarios import Case, Scenario

Tell = Callable[[str], None]
PAUSE_SECONDS = 0.5  # between two runs, for sockets to be gone
SPARE_DESCRIPTORS = 500  # beside one a stream
SHOWN = {  # for each kind of run, the figure in its line of progress
    "fanout": "cpu {cpu_s_per_mframe:g} s a million frames, p99 {page_p99_ms:g} ms, complete {complete:g}",
    "idle": "{pss_kib_per_stream:g} KiB a stream, cpu {cpu_first:g} then {cpu_round:g} s/s, {open} open",
    "backlog": "{rows_per_s} rows/s, peak {peak_mb:g} MB, complete {complete:g}",
    "apart": "p99 {polling_p99_ms:g} ms where it is polled, cpu {polling_cpu_s_per_mframe:g} s a million frames",
    "commands": "{claim_us:g} us a claim, {publication_us:g} a publication, {read_10_us:g} a read of 10",
    "connect": "all open in {all_ready_s:g} s, first byte {first_byte_p50_ms:g} ms, cpu {cpu_ms_each:g} ms each",
}


@dataclass
class Record:
    """What came out; as JSON it is what `--json` writes and `report` reads."""

    about: dict[str, Any] = field(default_factory=dict)
    scenarios: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # peer: how to install it
    runs: list[dict[str, Any]] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Write it all, in one step."""
        fresh = file.with_name(file.name + ".new")
        fresh.write_text(json.dumps(vars(self), indent=1) + "\n")
        fresh.replace(file)

    @classmethod
    def read(cls, file: Path) -> Record:
        """Reads a record that was written. Raises ValueError or TypeError if the file is not one."""
        return cls(**json.loads(file.read_text()))

    def good(self, case: str, peer: str) -> list[dict[str, Any]]:
        """The runs of a peer that gave figures."""
        return [it for it in self.runs if it["case"] == case and it["peer"] == peer and "error" not in it]


def session(
    scenarios: Sequence[Scenario],
    places: Places,
    *,
    peers: Sequence[str] = (),
    repeat: int = 3,
    quick: bool = False,
    descriptors: int = 1 << 30,
    tell: Tell,
    keep: Callable[[Record], None] | None = None,
) -> Record:
    """Run them, `peers` in place of each scenario's own where there are any; `keep` is called after each run.

    A peer that is missing, or that cannot run a scenario, is reported once and left out.
    """
    record = Record(about(places, repeat, quick), [scenario.name for scenario in scenarios])
    told: set[str] = set()
    for scenario in scenarios:
        for case in (case.quick() if quick else case for case in scenario.cases):
            names = []
            for name in peers or case.peers or scenario.peers:
                hindrance = _hindrance(name, case, places, descriptors)
                if not hindrance:
                    names.append(name)
                elif hindrance not in told:
                    told.add(hindrance)
                    tell(hindrance)
                if not PEERS[name].found(places):
                    record.skipped[name] = PEERS[name].install
            for turn in range(1, repeat + 1):
                for name in names:
                    found = _one(scenario, case, name, places)
                    tell(f"{case.name} {turn}/{repeat} {name} ... {_short(case, found)}")
                    record.runs.append({**found, "turn": turn, "commit": commit(places.project)})
                    if keep:
                        keep(record)
                    time.sleep(PAUSE_SECONDS)
    return record


def about(places: Places, repeat: int, quick: bool) -> dict[str, Any]:
    """What is measured, and on what; nothing that names a machine or its people."""
    return {
        "commit": commit(places.project),
        "repeat": repeat,
        "quick": quick,
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
    }


def commit(project: Path) -> str:
    """The commit of a checkout; with a plus where files have changed since."""
    asked = ["git", "-C", str(project), "describe", "--always", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _hindrance(name: str, case: Case, places: Places, descriptors: int) -> str:
    peer, need = PEERS[name], case.streams + SPARE_DESCRIPTORS
    if not peer.found(places):
        return f"{name} is left out: not installed ({peer.install})"
    if not peer.polls and case.kind == "backlog":
        return f"{case.name}: {name} is left out: it does not poll, so it has no backlog"
    if peer.most_streams is not None and case.streams > peer.most_streams:
        return f"{case.name}: {name} is left out: it bears {peer.most_streams} streams, not {case.streams}"
    if need > descriptors:
        return f"{case.name} is left out: it needs {need} descriptors, ulimit -Hn allows {descriptors}"
    return ""


def _one(scenario: Scenario, case: Case, name: str, places: Places) -> dict[str, Any]:
    head: dict[str, Any] = {"scenario": scenario.name, "case": case.name, "kind": case.kind, "peer": name}
    head |= {"streams": case.streams, "rate": case.rate, "interval_ms": case.interval}
    try:
        return {**head, **run(PEERS[name], case, places)}
    except (RunFailed, OSError, ValueError) as error:
        return {**head, "error": str(error)}


def _short(case: Case, found: dict[str, Any]) -> str:
    return f"failed: {found['error']}" if "error" in found else SHOWN[case.kind].format(**found)
