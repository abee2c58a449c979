"""The command line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from bench.machine import raise_descriptors
from bench.peers import PEERS
from bench.picture import draw
from bench.places import BUILD, PICTURE, ROOT, Places
from bench.report import report as reported
from bench.scenarios import SCENARIOS
from bench.session import Record, session

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TO = click.Path(dir_okay=False, path_type=Path)
LIST = "\n".join(f"  {scenario.name:<11} {scenario.about}" for scenario in SCENARIOS.values())
EPILOG = f"\b\nScenarios:\n{LIST}\n\n\b\nPeers:\n  {', '.join(PEERS)}\n\nAll of it takes about half an hour."


def _names(known: Iterable[str]) -> Callable[[click.Context, click.Parameter, str | None], list[str]]:
    def names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str]:
        named = [part.strip() for part in (value or "").split(",") if part.strip()]
        unknown = [name for name in named if name not in known]
        if unknown:
            raise click.BadParameter(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return named

    return names


@click.group(invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", metavar="NAME,NAME", callback=_names(SCENARIOS), help="These scenarios; all when left out.")
@click.option(
    "--peers", metavar="NAME,NAME", callback=_names(PEERS), help="These servers, in place of each scenario's own."
)
@click.option("--repeat", type=click.IntRange(1, 20), help="Runs of each, peers in turn.  [default: 3; quick: 1]")
@click.option("--quick", is_flag=True, help="Small counts, to see that it works. Not for quoting.")
@click.option("--json", "json_file", type=TO, help="Keep every run's figures in this file, from the first run on.")
@click.option("--picture", "to", type=TO, help="Where to draw.  [default: docs/performance.svg; quick: bench/build/]")
@click.option("--project", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Measure this checkout.")
@click.option("--peers-dir", type=click.Path(path_type=Path), help="What `make bench-peers` made, if elsewhere.")
@click.pass_context
def main(
    context: click.Context,
    only: list[str],
    peers: list[str],
    repeat: int | None,
    quick: bool,
    json_file: Path | None,
    to: Path | None,
    project: Path | None,
    peers_dir: Path | None,
) -> None:
    """Measure poslogs beside its peers over loopback, and report whether the goals are met.

    Progress goes to stderr, the tables (Markdown) to stdout. `make bench` builds what this needs and runs it.
    """
    if context.invoked_subcommand:
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it has started ends too
    places = Places((project or ROOT).resolve(), BUILD, (peers_dir or BUILD / "peers").resolve())
    if places.unbuilt():
        raise click.ClickException(f"{', '.join(places.unbuilt())} not built yet: run `make bench-helpers`")
    record = session(
        [SCENARIOS[name] for name in only or SCENARIOS],
        places,
        peers=peers,
        repeat=repeat or (1 if quick else 3),
        quick=quick,
        descriptors=raise_descriptors(),
        tell=lambda line: click.echo(line, err=True),
        keep=(lambda record: record.write(json_file)) if json_file else None,
    )
    click.echo(reported(record))
    if any(run["scenario"] == "curve" and "error" not in run for run in record.runs):
        _draw(record, to or (BUILD / PICTURE.name if quick else PICTURE))
    if any("error" in run and run["peer"].startswith("poslogs") for run in record.runs):
        sys.exit(1)


@main.command()
@click.argument("file", type=FILE)
def report(file: Path) -> None:
    """Print the tables of a FILE that --json has written."""
    click.echo(reported(_read(file)))


@main.command()
@click.argument("file", type=FILE)
@click.option("--to", type=TO, default=PICTURE, help="Where to draw.  [default: docs/performance.svg]")
def picture(file: Path, to: Path) -> None:
    """Draw the curve of a FILE that --json has written."""
    _draw(_read(file), to)


def _read(file: Path) -> Record:
    try:
        return Record.read(file)
    except (ValueError, TypeError) as error:
        raise click.ClickException(f"{file} is not a file that --json wrote: {error}") from error


def _draw(record: Record, to: Path) -> None:
    try:
        draw(record, to)
    except ImportError:
        click.echo("No picture: pip install -r requirements-dev.txt brings matplotlib.", err=True)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    else:
        click.echo(f"The picture is in {to}.", err=True)
