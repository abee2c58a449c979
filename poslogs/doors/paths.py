"""Paths as people write them: with a slash at the end, or two where a base address ended in one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from poslogs.doors.entrance import PAGE_FILES
from poslogs.doors.prefix import ASKED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SLASHES: Final = re.compile("/{2,}")


class OnePath:
    """The app; it sees `/health/` and `//health` as `/health`, so that each route has one path.

    If the app is below a path, that path without a slash at its end leads to the page's own, whose links are relative.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the app does."""
        path = environ.get("PATH_INFO", "")
        if not path and (root := environ.get("SCRIPT_NAME", "").strip("/")):
            there = f"/{quote(root.encode('latin-1'))}/"
            start_response("308 Permanent Redirect", [("Location", there), ("Content-Length", "0")])
            return []
        if not path or path.endswith("/") or "//" in path:
            environ[ASKED] = path = _SLASHES.sub("/", path)
            # A page's files have one name each, as relative links inside them need.
            environ["PATH_INFO"] = path if path.startswith(PAGE_FILES) else path.rstrip("/") or "/"
        return self.app(environ, start_response)
