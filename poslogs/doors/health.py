"""Health: how the server and its environments are, for any caller with a token."""

from __future__ import annotations

from typing import Final, Protocol

from flask import Response, g

from poslogs import __version__
from poslogs.access.clients import Client
from poslogs.access.slots import Slots
from poslogs.doors.door import Door, json_response
from poslogs.streaming.driven import Driven
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.frames import moment
from poslogs.supervisor import Supervisor
from poslogs.tools.table import TOOLS
from poslogs.tools.toolbox import Toolbox

UNASKED_SECONDS: Final = 600.0  # an outage may be over when no question was asked for that long
MAX_UNUSABLE: Final = 100  # environments that cannot be used, of those that are listed


class EngineState(Protocol):
    """Whether the engine can be used, why not, and since when (wall clock)."""

    @property
    def ok(self) -> bool:
        """Whether it can."""

    @property
    def why(self) -> str:
        """A sentence."""

    @property
    def since(self) -> float:
        """Seconds since 1970."""


class Members(Protocol):
    """The processes that share an engine."""

    @property
    def state(self) -> EngineState:
        """The engine's state in this process."""

    @property
    def count(self) -> int:
        """How many processes there are."""

    @property
    def name(self) -> str:
        """What this process is called among them."""

    def asker(self, environment: str) -> str:
        """The process that polls an environment which has readers here."""


def blueprint(
    toolbox: Toolbox, slots: Slots[Driven], feeds: Feeds, supervisor: Supervisor, members: Members | None = None
) -> Door:
    """The route, on these parts; without `members` this process is alone."""
    routes = Door("health", __name__)

    @routes.get("/health")
    def health() -> Response:
        client: Client = g.client
        open_feeds = {feed.upstream.environment.name: feed for feed in feeds.all()}
        environments, outages = [], []
        for env in toolbox.environments(client):
            found: dict[str, object] = {"name": env.name, "url": env.url, "demo": env.demo}
            feed = open_feeds.get(env.name)
            found["streams"] = feed.readers if feed else 0
            if members is not None and feed and feed.readers:
                found["polledBy"] = members.asker(env.name)
            if feed and feed.upstream.counts.last_success:
                found["lastSuccess"] = moment(feed.upstream.counts.last_success)
            if feed and (outage := failing(feed)):
                found["failing"] = outage
                if is_degraded(feed):
                    outages.append({"name": env.name, **outage})
            environments.append(found)
        stalled = supervisor.stalled()
        away = members is not None and not members.state.ok
        unusable = [{"name": name, "error": error} for name, error in toolbox.unusable(client).items()]
        return json_response(
            {
                "status": "degraded" if stalled or outages or away else "ok",
                **({"degraded": stalled} if stalled else {}),
                **({"failing": outages} if outages else {}),
                **({"unusable": unusable[:MAX_UNUSABLE]} if unusable else {}),
                "tools": list(TOOLS),
                "toolCount": len(TOOLS),
                "version": __version__,
                "streams": slots.open,
                "heartbeat": toolbox.heartbeat,
                "environments": environments,
                **({} if members is None else engine(members)),
            }
        )

    return routes


def engine(members: Members) -> dict[str, object]:
    """What is told of the engine."""
    state = members.state
    told = {"state": "ok" if state.ok else "degraded", "since": moment(state.since), "why": state.why}
    return {"engine": told, "processes": members.count, "process": members.name}


def failing(feed: Feed) -> dict[str, object] | None:
    """The outage of a feed as answers show it; None without one."""
    outage = feed.upstream.outage
    if outage is None:
        return None
    shown: dict[str, object] = {
        "since": moment(outage.since),
        "last": moment(outage.last),
        "tries": outage.tries,
        "error": outage.sentence,
    }
    if feed.upstream.counts.last_success:
        shown["lastSuccess"] = moment(feed.upstream.counts.last_success)
    return shown


def is_degraded(feed: Feed) -> bool:
    """Whether a feed's outage goes on, as far as can be known: without readers no question is asked."""
    outage = feed.upstream.outage
    if outage is None:
        return False
    return feed.readers > 0 or feed.upstream.refusal is not None or outage.unasked < UNASKED_SECONDS
