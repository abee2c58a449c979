"""The prefix: the path below which the app is served, where only its operator can say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Request, current_app
from werkzeug.exceptions import HTTPException, NotFound

from poslogs.variables import PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_PARTS = 4  # of a path that may be a prefix
ASKED: Final = "poslogs.asked"  # in the environ: the path as it was asked for, where the app is to see another


class Prefix:
    """The app below `prefix`, whether a proxy passes that on as part of the path or takes it away without a word.

    Where the server or a proxy names a path itself (SCRIPT_NAME), that counts alone.
    """

    def __init__(self, app: WSGIApplication, prefix: str) -> None:
        """`prefix` begins with a slash and does not end in one; "" changes nothing."""
        self.app = app
        self._prefix = prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the app does."""
        if self._prefix and not environ.get("SCRIPT_NAME"):
            path = environ.get("PATH_INFO") or "/"
            below = f"{path}/".startswith(f"{self._prefix}/")
            environ["SCRIPT_NAME"] = self._prefix
            environ["PATH_INFO"] = path[len(self._prefix) :] if below else path
        return self.app(environ, start_response)


def left_in_place(request: Request) -> tuple[str, str]:
    """What stands in a request's path before one of our routes, as a proxy leaves it there, and the route's endpoint.

    Both are "" where nothing does; the endpoint alone where the route takes another method.
    """
    adapter = current_app.create_url_adapter(request)
    path: str = request.environ.get(ASKED, request.path)
    if not path.endswith("/") and "text/html" in request.headers.get("Accept", ""):
        path += "/"  # a browser's address, as people write that of a page
    parts = path.split("/")
    for count in range(2, min(len(parts), MOST_PARTS + 2)):
        prefix = "/".join(parts[:count])
        if adapter is None or not PATH.fullmatch(prefix):
            break
        try:
            endpoint, _ = adapter.match("/" + "/".join(parts[count:]))
        except NotFound:
            continue
        except HTTPException:  # it takes another method
            return prefix, ""
        return prefix, endpoint
    return "", ""
