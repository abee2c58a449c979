"""The guard of /mcp: which pages, under which name of the server, with which token and method."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask import Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from poslogs.access.clients import Client
from poslogs.access.limits import Limits
from poslogs.doors import names
from poslogs.errors import Forbidden, Misdirected


@dataclass(frozen=True)
class Guard:
    """Lets a request's page, host, holder and method in, in this order; a preflight is answered after the first two.

    With `hosts` these names are right, and local ones. Without it local ones are right where the server listens on
    loopback, and any name is `behind_proxy` or elsewhere.
    """

    admit: Callable[[], Client]  # raises Unauthorized, Forbidden or TooMany
    limits: Limits
    allows: Callable[[str], bool]  # an origin
    hosts: Collection[str]
    behind_proxy: bool

    def __call__(self) -> Response | None:
        """Set `g.client`, or answer a preflight.

        Raises Forbidden; Misdirected for a name that a stranger's DNS gave to this machine; MethodNotAllowed; and
        what `admit` raises.
        """
        origin = request.headers.get("Origin")
        if origin is not None and not self.allows(origin):
            raise Forbidden("Pages of this origin may not call this server; POSLOGS_CORS_ORIGINS names those that may.")
        self._check_name(request.headers.get("Host", "localhost"))
        if request.method == "OPTIONS" and origin is not None:
            return Response(status=204)
        g.client = self.admit()
        if request.method != "POST":
            self.limits.spend_roomily()
            raise MethodNotAllowed(["POST", "OPTIONS"])
        return None

    def _check_name(self, host: str) -> None:
        if self.hosts:
            if not names.is_known(host, self.hosts):
                raise Misdirected("This server has another name; POSLOGS_HOSTS lists those by which it may be called.")
            return
        if not self.behind_proxy and names.is_local(request.environ["SERVER_NAME"]) and not names.is_local(host):
            raise Misdirected(
                "This server is for this machine only: call it localhost or 127.0.0.1, put its name into "
                "POSLOGS_HOSTS, or set POSLOGS_PROXY_HOPS=1 behind a proxy that passes another name."
            )
