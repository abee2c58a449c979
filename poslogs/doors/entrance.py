"""The entrance: who may come in at any door, by token."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from flask import Request, g, request
from werkzeug.exceptions import NotFound

from poslogs.access.client import MAX_TOKEN_BYTES
from poslogs.access.clients import Client, Clients
from poslogs.access.limits import Limits
from poslogs.doors import names
from poslogs.doors.door import is_open
from poslogs.doors.prefix import left_in_place
from poslogs.errors import Forbidden, Refusal, Unauthorized
from poslogs.platformos.environments import Environments
from poslogs.servers import visit

PAGE_FILES: Final = "/page/"
# MCP hosts look for a sign-in at these; anything but a 404 there sends them into one, which static tokens do not have.
METADATA: Final = "/.well-known"  # wherever it stands in a path
SIGN_IN_PATHS: Final = ("/register", "/authorize", "/token")
# What proxies add that say so, as WSGI spells it; X-Forwarded-* of every kind is one more.
FORWARDING: Final = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_FASTLY_CLIENT_IP",
)
X_FORWARDED: Final = "HTTP_X_FORWARDED"


class Entrance:
    """Finds out who asks; any thread may."""

    def __init__(self, clients: Clients, limits: Limits, environments: Environments) -> None:
        self._clients = clients
        self._limits = limits
        self._environments = environments

    def by_token(self) -> None:
        """The guard that sets `g.client` by the request's token. Raises as `admit`, unless there is nothing to guard.

        That is a CORS preflight, which carries no token, and a path that is certainly not here. A page that a proxy
        serves below a path of which nobody has told us is not here either: whoever opens it reads what to set.
        """
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return
        if request.endpoint is None and isinstance(request.routing_exception, NotFound) and _is_elsewhere(request):
            return
        g.client = self.admit()

    def admit(self) -> Client:
        """The client whose token the request carries. Raises Unauthorized, Forbidden, or TooMany for guessing."""
        client = self._clients.holder(self._token().encode("utf-8", "replace"))
        if client is None:
            self._limits.wrong_token(request.remote_addr or "")
            raise Unauthorized("This token is not known here; use one from the server's clients.json.", sent=True)
        if client.published:
            _admit_published(request, self._environments)
        visit.mark_known(request.environ)
        return client

    def known(self) -> Client | None:
        """The client, where a token is welcome but not needed; None for any other caller."""
        try:
            return self.admit()
        except Refusal:
            return None

    def _token(self) -> str:
        header = request.headers.get("Authorization", "")
        if not header and ("mod_wsgi.version" in request.environ or request.environ.get("wsgi.run_once")):
            raise Unauthorized(
                "No token has come here: send `Authorization: Bearer <token>` with a token from clients.json. If it "
                "was sent, Apache has kept it: it needs WSGIPassAuthorization On, or CGIPassAuth On where it runs CGI.",
                sent=False,
            )
        if not header:
            raise Unauthorized(
                "No token: send `Authorization: Bearer <token>` with a token from clients.json.", sent=False
            )
        scheme, _, token = header.partition(" ")
        token = token.strip(" ")
        if token.endswith("\r"):  # some servers let it through
            self._limits.wrong_token(request.remote_addr or "")
            raise Unauthorized(
                "The token ends in a carriage return (\\r), as from a file with Windows line ends; remove it.",
                sent=True,
            )
        if scheme.lower() != "bearer" or not token or " " in token or len(token) > MAX_TOKEN_BYTES:
            self._limits.wrong_token(request.remote_addr or "")
            raise Unauthorized(
                "Send one `Authorization: Bearer <token>`; the word Bearer or the token is missing, "
                "or there is extra text.",
                sent=True,
            )
        return token


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine or a Unix socket, without a sign of a proxy on its way."""
    if any(name in FORWARDING or name.startswith(X_FORWARDED) for name in request.environ):
        return False
    address = request.remote_addr
    if not address:
        return True  # a Unix socket
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def is_named_locally(request: Request) -> bool:
    """Whether a request names this machine by a local name; on a Unix socket it may say any name.

    A web page whose own name was given to 127.0.0.1 sends that name (DNS rebinding).
    """
    return not request.remote_addr or names.is_local(request.headers.get("Host", ""))


def _is_elsewhere(request: Request) -> bool:
    path = request.path
    if path in SIGN_IN_PATHS or path.startswith(PAGE_FILES) or METADATA in path:
        return True
    return is_open(left_in_place(request)[1])


def _admit_published(request: Request, environments: Environments) -> None:
    """Raises Forbidden unless a token that everybody knows may open the demo from where the request comes."""
    if not environments.demo:
        raise Forbidden(
            "This token is published with poslogs and opens its demo only; "
            "ask for one of your own, which `python -m poslogs token new NAME` makes."
        )
    if not is_local(request):
        raise Forbidden(
            "This token is published with poslogs and works on this machine only, through no proxy; "
            "`python -m poslogs token new NAME` makes one for clients.json that works from elsewhere."
        )
    if not is_named_locally(request):
        raise Forbidden(
            "This token is published with poslogs and works under a local name only: call the server localhost or "
            "127.0.0.1, or have `python -m poslogs token new NAME` make a token for clients.json."
        )
