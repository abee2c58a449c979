"""The metrics: counts for a Prometheus server, which carries a client's token, as every caller does."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final

from flask import Response, g
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from poslogs import __version__
from poslogs.access.slots import Slots
from poslogs.doors.door import Door
from poslogs.doors.health import Members
from poslogs.streaming.driven import Driven
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.supervisor import Supervisor
from poslogs.tools.toolbox import Toolbox

EXPECTED: Final = (400, 401, 403, 404, 429, 502, 503)  # counted from 0, so that Prometheus sees the first one as a rise


class Refusals:
    """How many requests were refused, by status; any thread may count."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counter(dict.fromkeys(EXPECTED, 0))

    def count(self, response: Response) -> Response:
        """Count an answer if it is a refusal; the answer itself."""
        if response.status_code >= 400:
            with self._lock:
                self._counts[response.status_code] += 1
        return response

    def by_status(self) -> dict[int, int]:
        """The counts, EXPECTED ones also while they are 0."""
        with self._lock:
            return dict(self._counts)


def blueprint(
    toolbox: Toolbox,
    slots: Slots[Driven],
    feeds: Feeds,
    supervisor: Supervisor,
    refusals: Refusals,
    members: Members | None = None,
) -> Door:
    """The route, on these parts; without `members` this process is alone."""
    routes = Door("metrics", __name__)

    @routes.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        names = [env.name for env in toolbox.environments(g.client)]
        its = {feed.upstream.environment.name: feed for feed in feeds.all()}
        found = {name: its.get(name) for name in names}
        registry.register(_Counts(slots, found, supervisor, refusals))
        if members is not None:
            registry.register(_Engine(members, found))
        ProcessCollector(registry=registry)  # registers itself
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


class _Engine:
    """What is told of the engine that processes share, in the form that the Prometheus library collects."""

    def __init__(self, members: Members, feeds: Mapping[str, Feed | None]) -> None:
        """`feeds`: by environment; None where nobody has read one yet."""
        self._members = members
        self._feeds = feeds

    def collect(self) -> Iterable[Metric]:
        """The metrics of this moment."""
        state = self._members.state
        yield GaugeMetricFamily(
            "poslogs_engine_ok", "1 while this process shares an engine, 0 while that is away.", state.ok
        )
        yield GaugeMetricFamily(
            "poslogs_engine_since_timestamp_seconds", "Since when the engine is there, or away.", state.since
        )
        yield GaugeMetricFamily("poslogs_engine_processes", "Processes that share the engine.", self._members.count)
        polls = GaugeMetricFamily(
            "poslogs_engine_polls", "1 where this process polls an environment for all, else 0.", labels=["env"]
        )
        for name, feed in self._feeds.items():
            read = feed is not None and feed.readers > 0
            polls.add_metric([name], float(read and self._members.asker(name) == self._members.name))
        yield polls


class _Counts:
    """What the parts count, in the form that the Prometheus library collects."""

    def __init__(
        self, slots: Slots[Driven], feeds: Mapping[str, Feed | None], supervisor: Supervisor, refusals: Refusals
    ) -> None:
        """`feeds`: by environment; None where nobody has read one yet."""
        self._slots = slots
        self._supervisor = supervisor
        self._refusals = refusals
        self._feeds = feeds

    def collect(self) -> Iterable[Metric]:
        """The metrics of this moment."""
        build = GaugeMetricFamily("poslogs_build", "Always 1; the label is the version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield GaugeMetricFamily("poslogs_streams_open", "Streams open in this process.", self._slots.open)
        yield GaugeMetricFamily(
            "poslogs_streams_capacity",
            "Streams that this process may hold; +Inf is no bound.",
            math.inf if self._slots.capacity is None else self._slots.capacity,
        )
        refused = CounterMetricFamily("poslogs_refusals", "Requests that were refused.", labels=["status"])
        for status, count in sorted(self._refusals.by_status().items()):
            refused.add_metric([str(status)], count)
        yield refused
        yield GaugeMetricFamily(
            "poslogs_loops_stalled", "Loops that stand still though they should turn.", len(self._supervisor.stalled())
        )
        faults = CounterMetricFamily(
            "poslogs_loop_faults", "Faults after which a loop went on, or one stream ended.", labels=["loop"]
        )
        for name, count in sorted(self._supervisor.faults.items()):
            faults.add_metric([name], count)
        yield faults
        readers = GaugeMetricFamily("poslogs_feed_readers", "Streams of an environment.", labels=["env"])
        failing = GaugeMetricFamily("poslogs_feed_failing", "1 while polls fail.", labels=["env"])
        success = GaugeMetricFamily(
            "poslogs_feed_last_success_timestamp_seconds", "When a poll was last answered; 0: never.", labels=["env"]
        )
        polls = CounterMetricFamily("poslogs_polls", "Polls that were answered.", labels=["env"])
        failures = CounterMetricFamily("poslogs_poll_failures", "Polls that were not.", labels=["env"])
        entries = CounterMetricFamily("poslogs_entries", "Entries that came in for streams.", labels=["env"])
        left_out = CounterMetricFamily(
            "poslogs_rows_left_out", "Rows of platformOS that were no entries.", labels=["env"]
        )
        for name, feed in self._feeds.items():
            env = [name]
            readers.add_metric(env, feed.readers if feed else 0)
            failing.add_metric(env, 1 if feed and feed.upstream.outage else 0)
            success.add_metric(env, feed.upstream.counts.last_success if feed else 0)
            polls.add_metric(env, feed.upstream.counts.answered if feed else 0)
            failures.add_metric(env, feed.upstream.counts.failed if feed else 0)
            entries.add_metric(env, feed.progress.entries if feed else 0)
            left_out.add_metric(env, feed.upstream.notices.left_out if feed else 0)
        yield from (readers, failing, success, polls, failures, entries, left_out)
