"""The app, whose files a browser keeps for an hour without asking again, for a page has ninety of them.

The first tab of a window asks for all, and later ones only for what tests of the page are about. What the app says of
caches itself is for tests/wire/. At BARE there is a page with the headers of the app's own, and nothing on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Response, request

from poslogs.doors.entrance import PAGE_FILES
from poslogs.doors.page.door import HEADERS
from wsgi import app

BARE: Final = "/bare"
FOR_AN_HOUR: Final = "max-age=3600"
whole = app.wsgi_app


@app.after_request
def keep(response: Response) -> Response:
    """Say so of each file that is there."""
    if request.path.startswith(PAGE_FILES) and response.status_code < 400:
        response.headers["Cache-Control"] = FOR_AN_HOUR
    return response


def also_bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer for BARE too."""
    if environ["PATH_INFO"] == BARE:
        return Response("<!doctype html><title>bare</title>", headers=HEADERS)(environ, start_response)
    return whole(environ, start_response)


app.wsgi_app = also_bare
