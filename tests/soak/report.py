"""The report: an outcome as a table."""

from __future__ import annotations

from collections import Counter

from tests.soak.outcome import Outcome
from tests.soak.story import story


def table(outcome: Outcome) -> str:
    """The summary of a soak."""
    verdicts = [verdict for _, verdict in outcome.judged]
    starts = max((verdict.began for verdict in verdicts), default=0.0)
    delivered = {
        environment.name: sum(len(s.journal.serials) for s in outcome.subscribers if s.environment is environment)
        for environment in outcome.environments
    }
    listed = {environment.name: len(environment.listing) for environment in outcome.environments}
    odd = sum((environment.source.count for environment in outcome.environments), Counter[str]())
    habits = Counter(f"{s.environment.name} {s.manner.habit}" for s in outcome.subscribers)
    lines = {
        "seed": f"{outcome.seed} ({outcome.kind}, direct {outcome.direct}{_fleet(outcome)}), {outcome.seconds:g} s",
        "faults injected": f"{outcome.faults.total()}: {_counts(outcome.faults)}",
        "strangers": f"{outcome.strangers.total()}: {_counts(outcome.strangers)}",
        "rows listed": f"{_counts(Counter(listed))} ({outcome.rows / outcome.seconds:.0f} a second); {_counts(odd)}",
        "readers": f"{len(outcome.subscribers)}: {_counts(habits)}",
        "newcomers": _counts(sum((one.count for one in outcome.newcomers), Counter[str]())),
        "odd first answers": _counts(sum((one.first.given for one in outcome.environments), Counter[str]())),
        "reconnects": str(sum(s.reconnects for s in outcome.subscribers)),
        "connections ended": _counts(ends(outcome)),
        "entries delivered": (
            f"{_counts(Counter(delivered))} ({sum(delivered.values()) / outcome.seconds:.0f} a second)"
        ),
        "foreign": str(sum(len(s.journal.foreign) for s in outcome.subscribers)),
        "lost": str(sum(len(verdict.lost) for verdict in verdicts)),
        "doubled": str(sum(len(verdict.doubled) for verdict in verdicts)),
        "out of order": str(sum(len(verdict.disordered) for verdict in verdicts)),
        "invented": str(sum(len(verdict.invented) for verdict in verdicts)),
        "late rows delivered": str(sum(verdict.late for verdict in verdicts)),
        "late rows given again to who came back": str(sum(len(verdict.late_again) for verdict in verdicts)),
        "not promised, not given": (
            f"{sum(len(verdict.missed_late) for verdict in verdicts)} late rows,"
            f" {sum(len(verdict.missed_withdrawn) for verdict in verdicts)} that a restore took away,"
            f" {sum(len(verdict.missed_stale) for verdict in verdicts)} below a position from before a restore"
        ),
        "asked how it is": f"{outcome.asked_how_it_is} times; unwell: {_counts(outcome.unwell) or 'never'}",
        "slowest beginning of a tail": f"{starts:.1f} s",
        "slowest stop of a worker": f"{outcome.slowest_stop:.1f} s",
        **({"slowest rejoining of a fleet": f"{outcome.rejoined:.1f} s"} if len(outcome.start) > 1 else {}),
        "worker at the start": "; ".join(map(str, outcome.start)),
        "worker's memory at the worst": f"{outcome.peak >> 20} MiB",
        "worker at the end": (
            f"{'; '.join(map(str, outcome.end))}, after {outcome.lived:.0f} s; {outcome.streams} streams open"
        ),
    }
    width = max(map(len, lines))
    rows = [f"{name:<{width}}  {value}" for name, value in lines.items()]
    troubles = outcome.troubles
    verdict = (
        f"FAILED, {len(troubles)} troubles" if troubles else "passed: nothing lost, doubled, out of order or foreign"
    )
    told = [line for reader, judged in outcome.judged for line in story(reader, judged)]
    return "\n".join([*rows, *(f"WRONG: {trouble}" for trouble in troubles), *told, verdict])


def ends(outcome: Outcome) -> Counter[str]:
    """How the connections of all readers ended."""
    found = Counter(connection.how for s in outcome.subscribers for connection in s.journal.connections)
    found["never read"] = sum(s.never_read for s in outcome.subscribers)
    return found


def _fleet(outcome: Outcome) -> str:
    return f", a fleet of {len(outcome.start)}" if len(outcome.start) > 1 else ""


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counter.items()))
