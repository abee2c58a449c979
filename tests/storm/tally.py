"""The tally: what was counted in a storm, and what was wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

TOLD = 20  # of each kind of wrong, in words; the rest is only counted


@dataclass
class Tally:
    """Figures of one storm. Nothing is wrong when `troubles` is empty."""

    storm: str  # which one: worker, seed and the like
    opened: Counter[str] = field(default_factory=Counter)  # connections, by what kind of visitor opened them
    begun: Counter[str] = field(default_factory=Counter)  # of these, those that got `: open`
    ended: int = 0  # healthy streams that ended though their reader had not left
    foreign: int = 0  # bytes of another environment
    entries: int = 0
    missing: int = 0  # entries that witnesses waited for in vain
    beats: int = 0
    silence: float = 0.0  # seconds, the longest of a witness during the storm
    seconds: float = 0.0  # that it took in all
    tracebacks: Counter[str] = field(default_factory=Counter)  # in the server's log, by their last line
    troubles: list[str] = field(default_factory=list)

    @property
    def connections(self) -> int:
        """How many were opened, of all kinds."""
        return self.opened.total()

    def end(self, who: str) -> None:
        """Count a healthy stream that ended though its reader had not left."""
        self.ended += 1
        if self.ended <= TOLD:
            self.troubles.append(f"a healthy stream was ended: {who}")

    def spill(self, who: str, count: int) -> None:
        """Count bytes that belong to another environment."""
        self.foreign += count
        if len(self.troubles) < 10 * TOLD:
            self.troubles.append(f"{count} foreign bytes: {who}")

    def wrong(self, sentence: str) -> None:
        """Note something else that is not as it must be."""
        if len(self.troubles) < 10 * TOLD:
            self.troubles.append(sentence)

    def read_log(self, output: str) -> None:
        """Count the tracebacks in what the server has written."""
        lines = output.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("Traceback"):
                last = next((text for text in lines[number + 1 :] if text and not text.startswith((" ", "\t"))), "")
                self.tracebacks[last] += 1
        if self.tracebacks:
            self.wrong(f"tracebacks in the server's log: {_counts(self.tracebacks)}")

    def __str__(self) -> str:
        figures = {
            "storm": self.storm,
            "took": f"{self.seconds:.1f} s",
            "connections": f"{self.connections}: {_counts(self.opened)}",
            "that were told `: open`": f"{self.begun.total()}: {_counts(self.begun)}",
            "healthy streams ended": str(self.ended),
            "foreign bytes": str(self.foreign),
            "entries": f"{self.entries}, and {self.missing} that witnesses waited for in vain",
            "heartbeats": str(self.beats),
            "longest silence of a witness": f"{self.silence:.1f} s",
            "tracebacks": _counts(self.tracebacks) or "none",
        }
        width = max(map(len, figures))
        rows = [f"{name:<{width}}  {figure}" for name, figure in figures.items()]
        rows += [f"WRONG: {trouble}" for trouble in self.troubles]
        return "\n".join([*rows, f"FAILED, {len(self.troubles)} troubles" if self.troubles else "passed"])


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
