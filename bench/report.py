"""The tables: goals and whether they are met, their medians, the curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from bench.scenarios import SCENARIOS, Goal, Scenario
from bench.session import Record

HEAD = ("scenario", "what", "goal", "measured (median)", "peer's", "ratio", "met?")
COLUMNS = {  # of a kind of run: figure, head
    "fanout": {
        "cpu_s_per_mframe": "CPU s a million frames",
        "machine_s_per_mframe": "machine's s a million",
        "page_p50_ms": "added p50 ms",
        "page_p99_ms": "added p99 ms",
        "whole_p50_ms": "whole p50 ms",
        "whole_p99_ms": "whole p99 ms",
        "frames_per_s": "frames/s",
        "bytes_per_frame": "bytes a frame",
        "complete": "complete",
        "polls_per_interval": "polls an interval",
        "redis_busy": "Redis CPU s/s",
        "redis_commands_per_s": "Redis commands/s",
        "redis_mb_in_per_s": "Redis MB/s in",
        "redis_mb_out_per_s": "Redis MB/s out",
        "redis_memory_mb": "Redis MB",
        "redis_scripts_per_s": "scripts/s",
        "redis_us_per_script": "a script, us",
        "redis_reads_per_s": "reads/s",
        "redis_us_per_read": "a read, us",
    },
    "idle": {
        "open": "open",
        "pss_kib_per_stream": "PSS KiB a stream",
        "slab_kib_per_stream": "kernel KiB a stream",
        "cpu_first": "CPU s/s, first 8 s",
        "cpu_round": "CPU s/s, heartbeat round",
        "heartbeats_first": "heartbeats, first 8 s",
        "heartbeats_round": "heartbeats, round",
        "polls_per_s": "polls/s",
        "cpu_ms_per_poll": "CPU ms a poll",
    },
    "apart": {
        "polling_p50_ms": "added p50 ms, where it is polled",
        "polling_p99_ms": "added p99 ms there",
        "other_p50_ms": "added p50 ms, elsewhere",
        "other_p99_ms": "added p99 ms there",
        "polling_cpu_s_per_mframe": "CPU s a million frames, where it is polled",
        "other_cpu_s_per_mframe": "elsewhere",
        "complete": "complete",
        "polls_per_interval": "polls an interval",
    },
    "commands": {
        "claim_us": "a claim, us",
        "publication_us": "claim and publication, us",
        "read_10_us": "a read of 10 environments, us",
        "read_100_us": "of 100",
        "read_1000_us": "of 1,000",
    },
    "backlog": {
        "rows_per_s": "rows/s",
        "cpu_s_per_mrow": "CPU s a million rows",
        "peak_mb": "peak MB",
        "polls": "polls",
        "complete": "complete",
    },
    "connect": {
        "all_ready_s": "all open, s",
        "first_byte_p50_ms": "first byte p50 ms",
        "first_byte_p99_ms": "first byte p99 ms",
        "cpu_ms_each": "CPU ms each",
        "open": "open",
    },
}
CURVE = (
    "pss_kib_per_stream",
    "cpu_s_per_mframe",
    "page_p50_ms",
    "page_p99_ms",
    "whole_p50_ms",
    "whole_p99_ms",
    "complete",
)


def report(record: Record) -> str:
    """The report of a session, as Markdown without a line break at its end."""
    parts = [about(record), table(HEAD, list(goals(record)))]
    for kind, columns in COLUMNS.items():
        rows = list(medians(record, kind, columns))
        if rows:
            parts.append(f"Medians, {kind}:\n\n" + table(("case", "peer", *columns.values(), "runs"), rows))
    if any(run["scenario"] == "curve" for run in record.runs):
        parts.append(curve(record))
    parts += [f"{peer} is not installed: {install}." for peer, install in record.skipped.items()]
    return "\n\n".join(parts)


def about(record: Record) -> str:
    """One paragraph: what was measured, and how often."""
    told = record.about
    commits = list(dict.fromkeys([told["commit"], *(run["commit"] for run in record.runs)]))
    if len(commits) > 1:
        return f"**The checkout changed meanwhile: {', '.join(commits)}. Not for quoting.**"
    line = (
        f"Commit {told['commit']}, {told['cores']} cores, {told['kernel']}, Python {told['python']}; "
        f"{told['repeat']} run(s) of each, medians. Only ratios within one session mean something."
    )
    return f"**Quick: small counts, not for quoting.** {line}" if told["quick"] else line


def goals(record: Record) -> Iterator[tuple[str, ...]]:
    """A row for each goal of the scenarios that ran."""
    for name in record.scenarios:
        for goal in SCENARIOS[name].goals:
            yield (name, *judged(record, SCENARIOS[name], goal))


def judged(record: Record, scenario: Scenario, goal: Goal) -> tuple[str, ...]:
    """The row of a goal, all but the scenario's name."""
    case = goal.case or scenario.cases[0].name
    mine = middle(record, case, goal.of, goal.figure)
    beside = goal.against or goal.minus
    other = middle(record, case, beside, goal.than or goal.figure) if beside else None
    ratio = mine / other if mine is not None and other else None
    more = mine - other if mine is not None and other is not None else None
    judge = ratio if goal.against else more if goal.minus else mine
    what = goal.what if goal.of == "poslogs" else f"{goal.what} ({goal.of})"
    shown = f"{number(mine)} {goal.unit}".strip() if mine is not None else "-"
    return what, bound(goal), shown, number(other), number(ratio), _verdict(record, goal, judge)


def _verdict(record: Record, goal: Goal, judge: float | None) -> str:
    if judge is None:
        missing = [peer for peer in (goal.of, goal.against, goal.minus) if peer in record.skipped]
        return f"{missing[0]} not installed" if missing else "not run"
    if goal.most is None and goal.least is None:
        return "-"
    if record.about["quick"] and goal.least != goal.most:
        return "too quick to tell"  # the cost of this few streams does not show
    met = (goal.most is None or judge <= goal.most) and (goal.least is None or judge >= goal.least)
    return "yes" if met else "no"


def bound(goal: Goal) -> str:
    """A goal's bounds in words."""
    if goal.most is None and goal.least is None:
        return "-"
    if goal.most == goal.least:
        text = f"{goal.most:g}"
    elif goal.most is not None and goal.least is not None:
        text = f"{goal.least:g} to {goal.most:g}"
    else:
        text = f"<= {_share(goal)}" if goal.most is not None else f">= {goal.least:g}"
    if goal.minus:
        return f"{text} {goal.unit} more than {goal.minus}"
    return f"{text} of {goal.against}" if goal.against else f"{text} {goal.unit}".strip()


def _share(goal: Goal) -> str:
    # A ratio of one to a whole number reads better so.
    if goal.against and goal.most and goal.most < 0.5 and abs(1 / goal.most - round(1 / goal.most)) < 1e-9:
        return f"1/{round(1 / goal.most)}"
    return f"{goal.most:g}"


def medians(record: Record, kind: str, columns: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """A row for each case and peer of a kind; the curve has a table of its own."""
    for case, peer in dict.fromkeys((it["case"], it["peer"]) for it in record.runs if it["kind"] == kind):
        mine = [it for it in record.runs if (it["case"], it["peer"]) == (case, peer)]
        if mine[0]["scenario"] != "curve":
            figures = [number(middle(record, case, peer, figure)) for figure in columns]
            yield case, peer, *figures, f"{len(record.good(case, peer))}/{len(mine)}"


def curve(record: Record) -> str:
    """How cost and latency grow: a row for each case and peer."""
    heads = ("streams", "rows/s", "rows a batch", "peer", "PSS KiB a stream", *list(COLUMNS["fanout"].values())[:1])
    heads += ("added p50 ms", "added p99 ms", "whole p50 ms", "whole p99 ms", "complete")
    rows = []
    for it in first_runs(record):
        size = f"{batch(it):g}"
        figures = [number(middle(record, it["case"], it["peer"], figure)) for figure in CURVE]
        rows.append((f"{it['streams']:,}", f"{it['rate']:g}", size, it["peer"], *figures))
    note = "The longest row of streams gets fewer rows a second: two cores do not take a million frames a second."
    return f"How cost grows. {note}\n\n{table(heads, rows)}"


def first_runs(record: Record) -> list[dict[str, Any]]:
    """The curve's first run of each case and peer: its parameters are those of all."""
    runs = [it for it in record.runs if it["scenario"] == "curve" and "error" not in it]
    return list({(it["case"], it["peer"]): it for it in reversed(runs)}.values())[::-1]


def batch(run: dict[str, Any]) -> float:
    """How many rows come to be in an interval."""
    rows: float = run["rate"] * run["interval_ms"] / 1000
    return rows


def middle(record: Record, case: str, peer: str, figure: str) -> float | None:
    """The median of a figure over a peer's runs; None when it has none."""
    found = [run[figure] for run in record.good(case, peer) if figure in run]
    return median(found) if found else None


def number(value: float | None) -> str:
    """Three digits that count, without an exponent; a dash for nothing."""
    if value is None:
        return "-"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - _magnitude(value))}f}"


def _magnitude(value: float) -> int:
    return int(f"{abs(value):e}".split("e")[1])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
