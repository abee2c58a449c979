"""The metrics: counts for a Prometheus server, which carries a client's token like everyone."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Response, g
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from poslogs import __version__
from poslogs.access.slots import Slots
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.stream import Stream
from poslogs.supervisor import Supervisor
from poslogs.tools import Toolbox


def blueprint(toolbox: Toolbox, slots: Slots[Stream], feeds: Feeds, supervisor: Supervisor) -> Blueprint:
    """The route, on these parts."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def metrics() -> Response:
        readable = {env.name for env in toolbox.environments(g.client)}
        registry = CollectorRegistry()
        its = [feed for feed in feeds.all() if feed.environment.name in readable]
        registry.register(_Counts(slots, its, supervisor))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


class _Counts:
    """What the parts count by themselves, in the form that the Prometheus library collects."""

    def __init__(self, slots: Slots[Stream], feeds: list[Feed], supervisor: Supervisor) -> None:
        self._slots = slots
        self._supervisor = supervisor
        self._feeds = feeds

    def collect(self) -> Iterable[Metric]:
        """The metrics of this moment."""
        build = GaugeMetricFamily("poslogs_build", "Always 1; the label is the version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield GaugeMetricFamily("poslogs_streams_open", "Streams open in this process.", self._slots.open)
        yield GaugeMetricFamily(
            "poslogs_streams_capacity", "Streams that this process may hold; 0 is no bound.", self._slots.capacity
        )
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
            "poslogs_feed_last_success_timestamp_seconds", "When a poll was last answered.", labels=["env"]
        )
        polls = CounterMetricFamily("poslogs_polls", "Polls that were answered.", labels=["env"])
        failures = CounterMetricFamily("poslogs_poll_failures", "Polls that were not.", labels=["env"])
        entries = CounterMetricFamily("poslogs_entries", "Entries that came in for streams.", labels=["env"])
        left_out = CounterMetricFamily(
            "poslogs_rows_left_out", "Rows of platformOS that were no entries.", labels=["env"]
        )
        for feed in self._feeds:
            env = [feed.environment.name]
            readers.add_metric(env, feed.readers)
            failing.add_metric(env, 1 if feed.outage else 0)
            success.add_metric(env, feed.last_success)
            polls.add_metric(env, feed.polls)
            failures.add_metric(env, feed.failures)
            entries.add_metric(env, feed.entries)
            left_out.add_metric(env, feed.left_out)
        yield from (readers, failing, success, polls, failures, entries, left_out)
