"""What is measured: each scenario with its parameters, the peers beside poslogs, and the goals, as one table."""

from __future__ import annotations

from dataclasses import dataclass, replace

TWO = ("poslogs-two", "poslogs-two-engine")
FLOOD = {"page": 5000, "stride": 10}


@dataclass(frozen=True, slots=True)
class Case:
    """What one run does, the same for each peer."""

    name: str
    kind: str  # a function of measures.py
    streams: int
    seconds: float  # that are measured; of a backlog: the longest it may take
    rate: float = 0  # rows a second
    interval: int = 250  # ms from one poll to the next
    settle: float = 2  # seconds from the last stream opened to the first row
    at_once: int = 100  # streams that are being opened at a time
    rows: int = 0  # of a backlog; calls of each command
    page: int = 1000  # most rows in an answer to a poll
    stride: int = 1  # latencies are taken of every so-many-th row
    round: float = 0  # seconds of an idle run's second window
    environments: int = 1  # that the streams read in turn, each with `rate` rows a second
    peers: tuple[str, ...] = ()  # in place of the scenario's

    def quick(self) -> Case:
        """The same with small counts, to see that it works."""
        streams = max(min(10, self.streams), self.streams // 50)
        return replace(
            self,
            streams=streams,
            environments=min(self.environments, streams),
            seconds=self.seconds if self.kind == "backlog" else min(2, self.seconds),
            settle=0.5,
            rows=self.rows // 20,
            round=min(2, self.round),
        )


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound for a figure of a peer, or for its ratio to another's. Without bounds the figure is only reported."""

    what: str
    figure: str  # of a run, as measures.py names it
    unit: str = ""
    most: float | None = None
    least: float | None = None
    against: str = ""  # the peer whose figure is the divisor; none: the bounds are for the figure itself
    of: str = "poslogs"
    minus: str = ""  # the peer whose figure is taken away; the bounds are for the difference
    than: str = ""  # the other peer's figure; none: the same
    case: str = ""  # of the scenario; none: its first


@dataclass(frozen=True, slots=True)
class Scenario:
    """One or more cases for some peers, with what is asked of the figures."""

    name: str
    about: str
    cases: tuple[Case, ...]
    peers: tuple[str, ...]  # those that run when none are named
    goals: tuple[Goal, ...] = ()


CPU = ("CPU a frame", "cpu_s_per_mframe", "s a million")
ALL_ARRIVE = (
    Goal("rows that arrived, of all", "complete", least=1, most=1),
    Goal("gaps", "gaps", least=0, most=0),
    Goal("repeats", "repeats", least=0, most=0),
)


def _idle(name: str, streams: int) -> Scenario:
    return Scenario(
        name,
        f"{streams:,} streams, no rows",
        (Case(name, "idle", streams, seconds=8, interval=3000, round=16),),
        ("poslogs", "nchan"),
        (
            Goal("streams open", "open_share", least=1, most=1),
            Goal("memory (PSS) a stream", "pss_kib_per_stream", "KiB", most=1.7, against="nchan"),
            Goal("CPU, the first 8 s", "cpu_first", "s/s", most=0.004),
            Goal("CPU, 16 s with a heartbeat for each", "cpu_round", "s/s"),
        ),
    )


def _bus(part: str, where: str) -> tuple[Goal, ...]:
    """What a process is asked that shares Redis with another, beside two that each poll for themselves."""
    alone, together = TWO

    def latency(quantile: str, most: float | None) -> Goal:
        return Goal(
            f"latency that the bus adds, {where}, {quantile}",
            f"{part}_{quantile}_ms",
            "ms",
            most=most,
            minus=alone,
            than=f"polling_{quantile}_ms",
            of=together,
            case="fleet-bus",
        )

    cpu = Goal(
        f"CPU a frame, {where}",
        f"{part}_cpu_s_per_mframe",
        "s a million",
        most=1.1,
        against=alone,
        than="polling_cpu_s_per_mframe",
        of=together,
        case="fleet-two",
    )
    return cpu, latency("p99", 10), latency("p50", None)


def _curve(name: str, streams: int, rate: float, seconds: float, **more: int) -> Case:
    return Case(f"curve-{name}", "fanout", streams, seconds, rate, **more)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "naive",
            "100 streams, 40 rows/s: few enough for servers that poll for each stream",
            (Case("naive", "fanout", 100, seconds=10, rate=40),),
            ("poslogs", "naive-flask", "sse-starlette"),
            (Goal(*CPU, most=1 / 25, against="naive-flask"), *ALL_ARRIVE),
        ),
        Scenario(
            "fanout",
            "1,000 streams, 100 rows/s",
            (Case("fanout", "fanout", 1000, seconds=10, rate=100),),
            ("poslogs", "nchan-batch", "better-sse"),
            (
                Goal(*CPU, most=1.5, against="nchan-batch"),
                Goal(*CPU, most=0.08, against="better-sse"),
                Goal("latency that the server adds, p99", "page_p99_ms", "ms", most=1.5, against="nchan-batch"),
                *ALL_ARRIVE,
                Goal("polls an interval", "polls_per_interval", least=0.8, most=1.2),
            ),
        ),
        Scenario(
            "queries",
            "1,000 streams with 50 distinct queries, 10 of them regular expressions, 100 rows/s",
            (Case("queries", "fanout", 1000, seconds=10, rate=100),),
            ("poslogs-queries", "poslogs-filters"),
            (
                Goal(*CPU, most=1.3, against="poslogs-filters", of="poslogs-queries"),
                Goal("latency that the server adds, p99", "page_p99_ms", "ms", of="poslogs-queries"),
                Goal("rows that arrived, of all", "complete", least=1, most=1, of="poslogs-queries"),
                Goal("gaps", "gaps", least=0, most=0, of="poslogs-queries"),
                Goal("repeats", "repeats", least=0, most=0, of="poslogs-queries"),
            ),
        ),
        Scenario(
            "flood",
            "1,000 streams, 2,000 rows/s",
            (Case("flood", "fanout", 1000, seconds=6, rate=2000, **FLOOD),),
            ("poslogs", "nchan-batch", "poslogs-gzip"),
            (
                *ALL_ARRIVE,
                Goal(*CPU, most=1.2, against="nchan-batch"),
                Goal("rows that arrived, with gzip", "complete", least=1, most=1, of="poslogs-gzip"),
                Goal("CPU a frame, with gzip", *CPU[1:], most=0.4, against="nchan-batch", of="poslogs-gzip"),
                Goal("bytes a frame, with gzip", "bytes_per_frame", "B", 1 / 6, against="poslogs", of="poslogs-gzip"),
            ),
        ),
        _idle("idle5k", 5000),
        _idle("idle10k", 10_000),
        Scenario(
            "backlog",
            "200,000 rows at once, in pages of 1,000, for one reader",
            (Case("backlog", "backlog", 1, seconds=150, rows=200_000),),
            ("poslogs", "naive-flask"),
            (
                Goal("rows a second", "rows_per_s", least=45, against="naive-flask"),
                Goal("memory (PSS), the peak", "peak_mb", "MB", most=90),
                *ALL_ARRIVE,
            ),
        ),
        Scenario(
            "connect",
            "1,000 streams opened at once",
            (Case("connect", "connect", 1000, seconds=100, at_once=1000),),
            ("poslogs", "better-sse"),
            (
                Goal("time until all are open", "all_ready_s", "s", most=1.2, against="better-sse"),
                Goal("CPU each", "cpu_ms_each", "ms", most=1, against="better-sse"),
            ),
        ),
        Scenario(
            "first-byte",
            "300 streams opened one after another",
            (Case("first-byte", "connect", 300, seconds=100, at_once=1),),
            ("poslogs", "better-sse"),
            (Goal("time to the first byte, median", "first_byte_p50_ms", "ms", most=1, against="better-sse"),),
        ),
        Scenario(
            "fleet",
            "several processes over one Redis: 1,000 streams, 10 and 40 environments, latency, Redis's commands",
            (
                Case("fleet", "fanout", 1000, seconds=10, rate=100),
                Case("fleet-10-envs", "fanout", 400, seconds=10, rate=100, environments=10),
                Case("fleet-40-envs", "fanout", 400, seconds=10, rate=25, environments=40),
                Case("fleet-two", "apart", 1000, seconds=10, rate=100, peers=TWO),
                Case("fleet-bus", "apart", 10, seconds=40, rate=40, peers=TWO),
                Case(
                    "fleet-idle", "idle", 40, seconds=8, round=2, environments=40, peers=("poslogs", "poslogs-engine")
                ),
                Case("fleet-commands", "commands", 1, seconds=0, rows=2000, peers=("poslogs-engine",)),
            ),
            ("poslogs", "poslogs-engine", "poslogs-fleet2", "poslogs-fleet4"),
            (
                Goal("CPU a frame with the engine", *CPU[1:], most=1.1, against="poslogs", of="poslogs-engine"),
                *_bus("polling", "in the process that polls"),
                *_bus("other", "in another process"),
                Goal("polls an interval", "polls_per_interval", least=0.8, most=1.2, of="poslogs-fleet4"),
                Goal(
                    "polls an interval and environment",
                    "polls_per_interval",
                    least=0.8,
                    most=1.2,
                    of="poslogs-fleet4",
                    case="fleet-10-envs",
                ),
                Goal("rows that arrived, of all", "complete", least=1, most=1, of="poslogs-fleet4"),
                Goal("gaps", "gaps", least=0, most=0, of="poslogs-fleet4"),
                Goal("repeats", "repeats", least=0, most=0, of="poslogs-fleet4"),
                Goal("Redis's own CPU", "redis_busy", "s/s", of="poslogs-fleet4", case="fleet-10-envs"),
            ),
        ),
        Scenario(
            "curve",
            "how cost grows with streams and with rows; no goals, it feeds the picture",
            (
                _curve("100-streams", 100, rate=100, seconds=10),
                _curve("1000-streams", 1000, rate=100, seconds=8),
                _curve("5000-streams", 5000, rate=100, seconds=6, stride=10),
                # A million frames a second is more than two cores can send and read: half of it, as many rows a batch.
                _curve("10000-streams", 10_000, rate=50, seconds=6, interval=500, stride=10),
                _curve("20-rows", 1000, rate=20, seconds=10),
                _curve("500-rows", 1000, rate=500, seconds=6, stride=10),
                _curve("2000-rows", 1000, rate=2000, seconds=5, **FLOOD),
            ),
            ("poslogs", "nchan-batch"),
        ),
    )
}
