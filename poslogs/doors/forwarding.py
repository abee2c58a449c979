"""Forwarding: what the proxies in front say of a client, believed from the proxies alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.middleware.proxy_fix import ProxyFix

from poslogs.networks import Networks
from poslogs.plain import plain
from poslogs.variables import PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("poslogs.forwarding")

PREFIX: Final = "HTTP_X_FORWARDED_PREFIX"
_MAX_PATH: Final = 200  # characters


class Forwarding:
    """The app; a proxy's requests count as its client's, by the last `hops` addresses of X-Forwarded-For.

    The last X-Forwarded-Prefix is the path below which a proxy serves the app, and which it has removed; a value that
    is not such a path is ignored. Requests from one of the `proxies`, or through a Unix socket, are a proxy's. In any
    other request these headers change nothing, which is logged once.
    """

    def __init__(self, app: WSGIApplication, hops: int, proxies: Networks) -> None:
        self.app = app
        self._proxies = proxies
        self._believing = ProxyFix(app, x_for=hops, x_proto=hops, x_host=0, x_prefix=1)
        self._logged = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the app does."""
        address = environ.get("REMOTE_ADDR") or ""
        if not address or address in self._proxies:
            if PREFIX in environ:
                environ[PREFIX] = _path(environ[PREFIX])
            return self._believing(environ, start_response)
        if not self._logged and ("HTTP_X_FORWARDED_FOR" in environ or "HTTP_X_FORWARDED_PROTO" in environ):
            self._logged = True
            log.warning(
                "Forwarding headers from %s are ignored; if it is a proxy of yours, name it in POSLOGS_PROXIES.",
                plain(address[:64]),
            )
        return self.app(environ, start_response)


def _path(header: str) -> str:
    """The last path of an X-Forwarded-Prefix, without a slash at its end; "" when it is not a path."""
    path = header.rpartition(",")[2].strip().rstrip("/")
    return path if len(path) <= _MAX_PATH and PATH.fullmatch(path) else ""
