"""The picture of the curve: memory and CPU against streams, CPU against rows a batch, latency against rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import batch, first_runs, middle
from bench.session import Record

COLOURS = {"poslogs": "#0b6e4f", "nchan-batch": "#b5541c", "nchan": "#8a6d3b", "better-sse": "#5b4fa2"}
OTHER = "#555555"
WHOLE = "#1f5fa8"
COST = "cpu_s_per_mframe"
NEAREST = 0.065  # of a panel's height: labels closer than that are moved apart
SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "poslogs",  # the same figures make the same file
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",  # readable on a dark page too
}


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together."""

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashes: str = "-"


def draw(record: Record, file: Path) -> None:
    """Write the picture as SVG. Raises ValueError without a curve, ImportError without matplotlib."""
    runs = first_runs(record)
    if not runs:
        raise ValueError("There is no run of the scenario curve, so there is nothing to draw.")
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with matplotlib.rc_context(SETTINGS):
        figure, panels = pyplot.subplots(2, 2, figsize=(10.4, 7.2), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
        memory, cpu, batches, latency = panels.flat
        streams, rates = _by_streams(runs), _by_rate(runs)
        size, held = f"{batch(streams[0]):g} rows a batch", f"{rates[0]['streams']:,} streams"
        kib = _lines(record, streams, "streams", "pss_kib_per_stream")
        _panel(memory, "Memory a stream", "streams", "KiB (PSS)", kib)
        cost = "s a million frames"
        _panel(cpu, f"CPU a frame, {size}", "streams", cost, _lines(record, streams, "streams", COST))
        _panel(batches, f"CPU a frame, {held}", "rows a batch", cost, _lines(record, rates, "batch", COST))
        _panel(latency, f"Latency, {held}", "rows a second", "ms", _latencies(record, rates), log=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    # matplotlib leaves blanks at line ends, which git would complain about
    file.write_text("\n".join(line.rstrip() for line in file.read_text().splitlines()) + "\n")


def _by_streams(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    usual = batch(runs[0])
    return [run for run in runs if batch(run) == usual]


def _by_rate(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts = [run["streams"] for run in runs]
    usual = max(counts, key=counts.count)
    return sorted((run for run in runs if run["streams"] == usual), key=lambda run: run["rate"])


def _lines(record: Record, runs: list[dict[str, Any]], against: str, figure: str) -> list[Line]:
    lines = []
    for peer in dict.fromkeys(run["peer"] for run in runs):
        points = [
            (batch(run) if against == "batch" else run[against], value)
            for run in runs
            if run["peer"] == peer and (value := middle(record, run["case"], peer, figure)) is not None
        ]
        lines.append(Line(peer, points, COLOURS.get(peer, OTHER)))
    return lines


def _latencies(record: Record, runs: list[dict[str, Any]]) -> list[Line]:
    lines = []
    for figure, label, peer, colour, dashes in (
        ("whole_p99_ms", "whole p99", "poslogs", WHOLE, "--"),
        ("whole_p50_ms", "whole p50", "poslogs", WHOLE, "-"),
        ("page_p99_ms", "added p99", "poslogs", COLOURS["poslogs"], "--"),
        ("page_p50_ms", "added p50", "poslogs", COLOURS["poslogs"], "-"),
        ("page_p99_ms", "nchan-batch p99", "nchan-batch", COLOURS["nchan-batch"], "--"),
    ):
        mine = [run for run in runs if run["peer"] == peer]
        lines += [Line(label, found.points, colour, dashes) for found in _lines(record, mine, "rate", figure)]
    return lines


def _panel(axes: Any, title: str, across: str, up: str, lines: list[Line], *, log: bool = False) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set(title=title, xlabel=across, ylabel=up, xscale="log")
    for line in lines:
        axes.plot(*zip(*line.points, strict=True), line.dashes, color=line.colour, marker="o", markersize=4)
    ticks = sorted({x for line in lines for x, _ in line.points})
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    else:
        axes.set_ylim(bottom=0)
    _name(axes, lines)


def _name(axes: Any, lines: list[Line]) -> None:
    # A label beside the last point of its line; from below each is at least NEAREST above the one before.
    place = axes.transData + axes.transAxes.inverted()
    height = -1.0
    ends = sorted(((place.transform(line.points[-1])[1], line) for line in lines), key=lambda end: end[0])
    for y, line in ends:
        height = max(y, height + NEAREST)
        axes.text(1.02, height, line.label, color=line.colour, transform=axes.transAxes, va="center")
