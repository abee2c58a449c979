"""The gate: each request passes the guard of its door, and each refusal gets the shape of its door."""

from __future__ import annotations

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from poslogs.doors.door import Guard, door_of, error, json_response
from poslogs.doors.prefix import left_in_place
from poslogs.errors import Refusal

log = logging.getLogger("poslogs")


def install(app: Flask, by_token: Guard) -> None:
    """Guard the app's requests from here on, those that only a later hook or route sees too.

    A route is open only where its door says so: `by_token` is the guard of doors without one, and of all else.
    """

    @app.before_request
    def come_in() -> Response | None:
        door = door_of(request)
        return by_token() if door is None or door.guard is None else door.guard()

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        response = _shaped(refusal.sentence, refusal.status)
        response.headers.update(refusal.headers)
        return response

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = _shaped(_sentence(error), error.code or 500)
        if allow := error.get_response().headers.get("Allow"):
            response.headers["Allow"] = allow
        return response

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        log.error("A request to %s failed.", request.path, exc_info=error)
        return _shaped("Something went wrong here; the server's log says what.", 500)


def _shaped(sentence: str, status: int) -> Response:
    door = door_of(request)
    return json_response((error if door is None else door.shape)(sentence, status), status)


def _sentence(error: HTTPException) -> str:
    if error.code == 404 and (prefix := left_in_place(request)[0]):
        return f"There is nothing at this path; if a proxy serves poslogs below {prefix}, set POSLOGS_PREFIX={prefix}."
    if error.code == 404:
        return "There is nothing at this path; GET /tools lists the tools, and GET /health says how the server is."
    if error.code == 405:
        allow = error.get_response().headers.get("Allow", "another method")
        allowed = ", ".join(name for name in allow.split(", ") if name not in ("OPTIONS", "HEAD"))
        return f"This path does not take {request.method}; use {allowed}."
    return f"{(error.name or 'Bad request').capitalize()}: the request could not be understood."
