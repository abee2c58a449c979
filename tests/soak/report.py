"""The report: an outcome as a table."""

from __future__ import annotations

from collections import Counter

from tests.soak.driver import Outcome


def table(outcome: Outcome) -> str:
    """The summary of a soak."""
    verdicts = outcome.verdicts
    ends: Counter[str] = Counter()
    for subscriber in outcome.subscribers:
        for connection in subscriber.journal.connections:
            ends[connection.how] += 1
    starts = max((verdict.began for verdict in verdicts), default=0.0)
    delivered = sum(len(subscriber.journal.serials) for subscriber in outcome.subscribers)
    lines = {
        "seed": f"{outcome.seed} ({outcome.kind}), {outcome.seconds:g} s",
        "faults injected": f"{outcome.faults.total()}: {_counts(outcome.faults)}",
        "strangers": f"{outcome.strangers.total()}: {_counts(outcome.strangers)}",
        "rows listed": f"{outcome.rows} ({outcome.rows / outcome.seconds:.0f} a second); {_counts(outcome.odd)}",
        "readers": f"{len(outcome.subscribers)}, {sum(s.reconnects for s in outcome.subscribers)} reconnects",
        "connections ended": _counts(ends),
        "entries delivered": f"{delivered} ({delivered / outcome.seconds:.0f} a second)",
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
        "slowest beginning of a tail": f"{starts:.1f} s",
        "slowest stop of a worker": f"{outcome.slowest_stop:.1f} s",
        "worker at the start": str(outcome.start),
        "worker's memory at the worst": f"{outcome.peak >> 20} MiB",
        "worker at the end": f"{outcome.end}, after {outcome.lived:.0f} s; {outcome.streams} streams open",
    }
    width = max(map(len, lines))
    rows = [f"{name:<{width}}  {value}" for name, value in lines.items()]
    troubles = outcome.troubles
    verdict = f"FAILED, {len(troubles)} troubles" if troubles else "passed: nothing lost, doubled or out of order"
    return "\n".join([*rows, *(f"WRONG: {trouble}" for trouble in troubles), verdict])


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counter.items()))
