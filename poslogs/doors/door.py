"""A door: the routes of one kind of caller, how a request comes in there, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Request, Response, current_app
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import WebsocketMismatch

Guard = Callable[[], Response | None]
Shape = Callable[[str, int], dict[str, Any]]


def everyone() -> None:
    """The guard of a door that is open to all: no token is looked at, and g has no client."""


def error(sentence: str, _status: int) -> dict[str, Any]:
    """A refusal in the shape of the guide."""
    return {"error": sentence}


class Door(Blueprint):
    """Routes with a guard of their own, and refusals in a shape of their own.

    `guard` is called before the route: it sets `g.client`, answers in place of the route, or raises a Refusal. Without
    one a door asks for a token, as the gate does for any route that belongs to no door. `shape` gives the JSON of a
    refusal by its sentence and status.
    """

    def __init__(self, name: str, import_name: str, *, guard: Guard | None = None, shape: Shape = error) -> None:
        super().__init__(name, import_name)
        self.guard = guard
        self.shape = shape


def door_of(request: Request) -> Door | None:
    """The door of the route that a request names, also by a method that the route does not take; None without one."""
    endpoint = request.endpoint
    refused = request.routing_exception
    method = None
    if isinstance(refused, MethodNotAllowed) and refused.valid_methods:
        method = next(iter(refused.valid_methods))
    elif isinstance(refused, WebsocketMismatch):
        method = request.method
    if endpoint is None and method is not None:
        routes = current_app.create_url_adapter(request)
        endpoint = None if routes is None else routes.match(method=method, websocket=False)[0]
    found = current_app.blueprints.get((endpoint or "").rpartition(".")[0])
    return found if isinstance(found, Door) else None


def is_open(endpoint: str) -> bool:
    """Whether an endpoint's route asks nobody for a token."""
    door = current_app.blueprints.get(endpoint.rpartition(".")[0])
    return isinstance(door, Door) and door.guard is everyone


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, mimetype="application/json")
