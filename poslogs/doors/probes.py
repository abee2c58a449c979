"""The probes: what a supervisor or a load balancer asks; without a token the answer is a status and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request

from poslogs.access.clients import Client
from poslogs.doors.door import Door, everyone, json_response
from poslogs.doors.health import failing
from poslogs.runtime import Runtime
from poslogs.streaming.feeds import Feeds
from poslogs.supervisor import Supervisor


def blueprint(runtime: Runtime, feeds: Feeds, supervisor: Supervisor, known: Callable[[], Client | None]) -> Door:
    """The routes, on these parts; `known` gives the client whose token the request carries, if any."""
    routes = Door("probes", __name__, guard=everyone)

    @routes.get("/livez")
    def livez() -> Response:
        if supervisor.unwell():  # GET /health names what stands still
            return json_response({"status": "degraded"}, 503)
        return json_response({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> Response:
        if runtime.draining:
            return json_response({"status": "stopping"}, 503)
        if supervisor.unwell():
            return json_response({"status": "degraded"}, 503)
        # Readers wait here until an outage is over, so that it is not a reason to send them elsewhere.
        shown: dict[str, object] = {"status": "ok"}
        if "Authorization" in request.headers and (client := known()):
            outages = [
                {"name": feed.upstream.environment.name, **outage}
                for feed in feeds.all()
                if client.may_read(feed.upstream.environment) and (outage := failing(feed))
            ]
            if outages:
                shown["failing"] = outages
        return json_response(shown)

    return routes
