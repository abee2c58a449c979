"""Leaving: what is done with each answer before it goes out."""

from __future__ import annotations

from flask import Flask, Response, request

from poslogs.doors import body


def install(app: Flask) -> None:
    """Have each request's body read to its end, and each answer kept private."""

    @app.after_request
    def finish_reading(response: Response) -> Response:
        body.discard(request)
        return response

    @app.after_request
    def keep_private(response: Response) -> Response:
        """No cache keeps an answer that needed a token, and browsers do not guess another type than it states."""
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "application/json":
            response.headers["Cache-Control"] = "no-store"
        return response
