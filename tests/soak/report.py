"""The report: an outcome as a table."""

from __future__ import annotations

from tests.soak.driver import Outcome


def table(outcome: Outcome) -> str:
    """The summary of a soak."""
    verdicts = outcome.verdicts
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.faults.items()))
    ends: dict[str, int] = {}
    for subscriber in outcome.subscribers:
        for connection in subscriber.journal.connections:
            ends[connection.how] = ends.get(connection.how, 0) + 1
    starts = max((verdict.began for verdict in verdicts), default=0.0)
    lines = {
        "seconds": f"{outcome.seconds:g}",
        "seed": f"{outcome.seed} ({outcome.kind})",
        "faults": f"{sum(outcome.faults.values())}: {faults}",
        "rows listed": f"{outcome.rows}, {outcome.late} of them late, and {outcome.strays} that are none",
        "readers": str(len(outcome.subscribers)),
        "reconnects": str(sum(subscriber.reconnects for subscriber in outcome.subscribers)),
        "connections ended": ", ".join(f"{how} {count}" for how, count in sorted(ends.items())),
        "entries delivered": str(sum(len(subscriber.journal.ids) for subscriber in outcome.subscribers)),
        "lost": str(sum(len(verdict.lost) for verdict in verdicts)),
        "doubled": str(sum(len(verdict.doubled) for verdict in verdicts)),
        "out of order": str(sum(len(verdict.disordered) for verdict in verdicts)),
        "late rows missed across a reconnect": (
            f"{sum(len(verdict.missed_away) for verdict in verdicts)}"
            f" ({sum(len(verdict.missed_above) for verdict in verdicts)} above where the reader joined or resumed,"
            f" {sum(len(verdict.missed_below) for verdict in verdicts)} below where it first joined)"
        ),
        "slowest beginning of a tail": f"{starts:.1f} s",
        "slowest stop of a worker": f"{outcome.slowest_stop:.1f} s",
        "worker at the start": str(outcome.start),
        "worker's memory at the worst": f"{outcome.peak >> 20} MiB",
        "worker at the end": str(outcome.end),
    }
    width = max(map(len, lines))
    rows = [f"{name:<{width}}  {value}" for name, value in lines.items()]
    return "\n".join([*rows, *(f"WRONG: {trouble}" for trouble in outcome.troubles)])
