"""The bench measures the whole checkout: each kind of run loses nothing and leaves nothing, as its tables show.

These tests do not ask how fast anything is: `make bench` measures that.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.errors import RunFailed
from bench.peers import PEERS
from bench.places import HELPERS, Places
from bench.report import report
from bench.run import run
from bench.scenarios import SCENARIOS, Case
from bench.session import Record, session
from tests.support.need import need, repo

README = (repo() / "bench/README.md").read_text()
SMALL = Case("small", "fanout", 20, seconds=1, rate=50, settle=0.2)
ABOUT = {"commit": "abc1234", "repeat": 3, "quick": False, "cores": 2, "kernel": "Linux 6", "python": "3.11.7"}


@pytest.fixture(scope="session")
def helpers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The helpers, compiled as `make bench` does it."""
    make, _ = need("make"), need("cc")
    folder = tmp_path_factory.mktemp("helpers")
    subprocess.run([make, "-s", "-C", str(repo()), f"BUILD={folder}", "bench-helpers"], check=True, timeout=60)
    return folder


@pytest.fixture
def places(helpers: Path, tmp_path: Path) -> Places:
    """This checkout, without any peers."""
    return Places(repo(), helpers, tmp_path / "peers", tmp_path)


def nothing_is_left(places: Places) -> bool:
    """Whether no folder of a run is left, and no process that works in one."""
    assert places.runs is not None
    return not list(places.runs.iterdir()) and not [
        pid for pid in Path("/proc").iterdir() if works_in(pid, places.runs)
    ]


def works_in(process: Path, folder: Path) -> bool:
    """Whether the working folder of a process is there, removed or not."""
    try:
        return str((process / "cwd").readlink()).startswith(str(folder))
    except OSError:
        return False


@pytest.mark.parametrize(
    "peer", ["poslogs", *(pytest.param(peer, marks=pytest.mark.slow) for peer in ("poslogs-gzip", "naive-flask"))]
)
def test_a_small_fanout_brings_every_row_to_every_stream_once(places: Places, peer: str) -> None:
    """Twenty streams, some fifty rows, with gzip and without; a peer is measured in the same way."""
    found = run(PEERS[peer], SMALL, places)
    assert (found["open"], found["failed"], found["closed_early"]) == (20, 0, 0)
    assert found["rows"] > 0
    assert found["delivered"] == found["rows"] * 20
    assert (found["complete"], found["gaps"], found["repeats"], found["error_frames"]) == (1, 0, 0, 0)
    assert nothing_is_left(places)


@pytest.mark.slow
def test_a_fleet_s_redis_is_measured_beside_it(places: Places) -> None:
    """Streams of three environments get every row once; Redis is ended with the run."""
    need("redis-server")
    found = run(PEERS["poslogs-engine"], replace(SMALL, environments=3, streams=21), places)
    assert (found["open"], found["failed"], found["complete"], found["gaps"], found["repeats"]) == (21, 0, 1, 0, 0)
    assert found["redis_commands_per_s"] > 0
    assert found["redis_memory_mb"] > 0
    assert nothing_is_left(places)


@pytest.mark.slow
@pytest.mark.parametrize(("peer", "alone"), [("poslogs-two", True), ("poslogs-two-engine", False)])
def test_two_servers_are_measured_apart_with_an_engine_and_without(places: Places, peer: str, alone: bool) -> None:
    """Each has the case's streams, and each stream every row once; with an engine one polls for both."""
    need("redis-server")
    found = run(PEERS[peer], replace(SMALL, kind="apart", streams=5, seconds=2), places)
    assert (found["open"], found["failed"], found["complete"], found["gaps"], found["repeats"]) == (10, 0, 1, 0, 0)
    assert found["polling_p99_ms"] > 0
    assert ("other_p99_ms" in found) is not alone
    assert nothing_is_left(places)


@pytest.mark.slow
def test_what_redis_spends_on_each_command_of_the_poll_is_measured(places: Places) -> None:
    """Claims, publications, and reads of many environments, by the scripts of the checkout."""
    need("redis-server")
    found = run(PEERS["poslogs-engine"], replace(SMALL, kind="commands", rows=20), places)
    assert set(found) == {"claim_us", "publication_us", "read_10_us", "read_100_us", "read_1000_us"}
    assert all(microseconds > 0 for microseconds in found.values())
    assert nothing_is_left(places)


@pytest.mark.slow
def test_idle_streams_stay_open_through_both_windows(places: Places) -> None:
    """Twenty streams stay open. What they take is measured, not judged."""
    found = run(PEERS["poslogs"], replace(SMALL, kind="idle", interval=3000, seconds=0.5, round=0.5), places)
    assert (found["open"], found["open_share"], found["failed"], found["closed_early"]) == (20, 1, 0, 0)
    assert found["pss_kib"] > 0
    assert nothing_is_left(places)


@pytest.mark.slow
def test_streams_that_are_opened_at_once_are_all_opened(places: Places) -> None:
    """All twenty are opened, and each has had its first byte."""
    found = run(PEERS["poslogs"], replace(SMALL, kind="connect", seconds=20, at_once=20), places)
    assert (found["open"], found["failed"]) == (20, 0)
    assert found["first_byte_p50_ms"] > 0


@pytest.mark.slow
def test_a_backlog_is_read_to_its_end_once_and_in_order(places: Places) -> None:
    """One reader gets 2,000 rows in four pages."""
    case = replace(SMALL, kind="backlog", streams=1, seconds=20, rows=2000, page=500)
    found = run(PEERS["poslogs"], case, places)
    assert (found["rows"], found["complete"], found["gaps"], found["repeats"]) == (2000, 1, 0, 0)
    assert found["peak_mb"] > 0
    assert nothing_is_left(places)


def test_a_server_that_does_not_start_is_told_with_its_log_and_leaves_nothing(places: Places, tmp_path: Path) -> None:
    """In a checkout without a gunicorn.conf.py the run has no figures, and its folder is gone."""
    nowhere = replace(places, project=tmp_path / "nowhere")
    with pytest.raises(RunFailed, match=r"did not start:\n(?s:.*)gunicorn\.conf\.py"):
        run(PEERS["poslogs"], SMALL, nowhere)
    assert nothing_is_left(places)


def test_a_peer_that_is_missing_is_left_out_and_told_with_what_to_do(places: Places) -> None:
    """The progress names it once, and so do the tables."""
    told: list[str] = []
    record = session([SCENARIOS["connect"]], places, peers=["better-sse"], repeat=2, quick=True, tell=told.append)
    how = "apt-get install nodejs npm, then make bench-peers"
    assert told == [f"better-sse is left out: not installed ({how})"]
    assert record.runs == []
    assert "| CPU each | <= 1 of better-sse | - | - | - | better-sse not installed |" in report(record)
    assert f"better-sse is not installed: {how}." in report(record)


def test_a_scenario_that_needs_more_descriptors_than_there_are_is_left_out_and_told(places: Places) -> None:
    """The report names how many it needs, and how many there are."""
    told: list[str] = []
    session([SCENARIOS["idle10k"]], places, peers=["poslogs"], descriptors=4096, tell=told.append)
    assert told == ["idle10k is left out: it needs 10500 descriptors, ulimit -Hn allows 4096"]


def test_every_scenario_has_goals_of_peers_that_run_in_it_and_a_line_in_the_readme() -> None:
    """This holds for all but the curve, which feeds the picture."""
    for scenario in SCENARIOS.values():
        assert f"`{scenario.name}`" in README
        assert bool(scenario.goals) is (scenario.name != "curve")
        ran_by = {case.name: {"", *(case.peers or scenario.peers)} for case in scenario.cases}
        for goal in scenario.goals:
            assert {goal.of, goal.against, goal.minus} <= ran_by[goal.case or scenario.cases[0].name], goal
    told = report(Record(ABOUT, list(SCENARIOS)))
    assert set(re.findall(r"^\| ([a-z0-9-]+) \| .* not run \|$", told, re.MULTILINE)) == set(SCENARIOS) - {"curve"}


def test_every_peer_is_in_the_readme_and_every_helper_is_built(helpers: Path) -> None:
    """The README has a row for each peer; the helpers are upstream, sseload and push."""
    rows = re.findall(r"^\| (`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*) \| .* \| .* \|$", README, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == set(PEERS)
    assert Places(helpers=helpers).unbuilt() == []
    assert sorted(path.name for path in helpers.iterdir()) == sorted(HELPERS)


def stored(file: Path) -> Path:
    """A file as --json writes it: three runs each of two servers, one of which failed once."""
    head = {"scenario": "connect", "case": "connect", "kind": "connect", "streams": 1000, "rate": 0, "interval_ms": 250}
    head |= {"commit": ABOUT["commit"]}
    figures = {"poslogs": [(0.5, 1.0), (0.4, 1.2), (9.0, 1.1)], "better-sse": [(0.5, 1.0), (0.5, 1.0)]}
    runs = [
        {**head, "peer": peer, "turn": turn, "all_ready_s": ready, "cpu_ms_each": cpu, "first_byte_p50_ms": 12.345}
        for peer, some in figures.items()
        for turn, (ready, cpu) in enumerate(some, 1)
    ]
    runs.append({**head, "peer": "better-sse", "turn": 3, "error": "The server did not start"})
    Record(ABOUT, ["connect"], {}, runs).write(file)
    return file


def test_a_report_of_a_stored_file_gives_medians_ratios_and_whether_goals_are_met(tmp_path: Path) -> None:
    """One slow run of three does not count. A run that failed is reported."""
    told = CliRunner().invoke(main, ["report", str(stored(tmp_path / "figures.json"))])
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0].startswith("Commit abc1234, 2 cores, Linux 6, Python 3.11.7; 3 run(s) of each, medians.")
    assert lines[2:6] == [
        "| scenario | what | goal | measured (median) | peer's | ratio | met? |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| connect | time until all are open | <= 1.2 of better-sse | 0.500 s | 0.500 | 1 | yes |",
        "| connect | CPU each | <= 1 of better-sse | 1.10 ms | 1 | 1.10 | no |",
    ]
    assert "| connect | better-sse | 0.500 | 12.3 | - | 1 | - | 2/3 |" in lines


def test_a_goal_for_a_difference_is_judged_by_it(tmp_path: Path) -> None:
    """The bus adds 8 ms to 20 in another process: that is within 10, though it is 1.4 times as much."""
    head = {"scenario": "fleet", "case": "fleet-bus", "kind": "apart", "commit": ABOUT["commit"], "turn": 1}
    head |= {"streams": 10, "rate": 40, "interval_ms": 250}
    runs = [
        {**head, "peer": "poslogs-two", "polling_p99_ms": 20.0},
        {**head, "peer": "poslogs-two-engine", "polling_p99_ms": 21.0, "other_p99_ms": 28.0},
    ]
    Record(ABOUT, ["fleet"], {}, runs).write(tmp_path / "figures.json")
    told = CliRunner().invoke(main, ["report", str(tmp_path / "figures.json")])
    what = "latency that the bus adds, in another process, p99 (poslogs-two-engine)"
    bound = "<= 10 ms more than poslogs-two"
    assert f"| fleet | {what} | {bound} | 28 ms | 20 | 1.40 | yes |" in told.stdout.splitlines()


def test_a_file_that_bench_has_not_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """There is neither a report nor a picture, and no traceback."""
    other = tmp_path / "other.json"
    other.write_text('{"logs": []}')
    for verb in ("report", "picture"):
        told = CliRunner().invoke(main, [verb, str(other)])
        assert told.exit_code == 1
        assert f"{other} is not a file that --json wrote" in told.stderr


@pytest.mark.slow
def test_the_same_curve_makes_the_same_picture_byte_by_byte(tmp_path: Path) -> None:
    """Two pictures of one record are equal, since they hold no date."""
    from bench.picture import draw

    latencies = {"page_p50_ms": 2.0, "page_p99_ms": 9.0, "whole_p50_ms": 130.0, "whole_p99_ms": 255.0}
    head = {"scenario": "curve", "kind": "fanout", "interval_ms": 250, "peer": "poslogs", "turn": 1, **latencies}
    runs = [
        {
            **head,
            "case": f"{streams}-{rate}",
            "streams": streams,
            "rate": rate,
            "cpu_s_per_mframe": 1,
            "pss_kib_per_stream": 9,
        }
        for streams, rate in ((100, 100), (1000, 100), (1000, 500))
    ]
    for name in ("one.svg", "two.svg"):
        draw(Record(ABOUT, ["curve"], {}, runs), tmp_path / name)
    picture = (tmp_path / "one.svg").read_text()
    assert picture == (tmp_path / "two.svg").read_text()
    assert "added p99" in picture
    assert "dc:date" not in picture
