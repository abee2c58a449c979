"""The probes: what a supervisor or a load balancer asks, without a token; they tell nothing but ok."""

from __future__ import annotations

from flask import Blueprint, Response

from poslogs.doors.api import json_response
from poslogs.runtime import Runtime


def blueprint(runtime: Runtime) -> Blueprint:
    """The routes, on this runtime."""
    routes = Blueprint("probes", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        return json_response({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> Response:
        if runtime.draining:
            return json_response({"status": "stopping"}, 503)
        return json_response({"status": "ok"})

    return routes
