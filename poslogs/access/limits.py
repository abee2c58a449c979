"""Request rates: how many requests a client may send, and how many wrong tokens an address."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sized
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from flask import Blueprint, Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from limits import RateLimitItem, RateLimitItemPerMinute, WindowStats, parse_many

from poslogs.access.client import Client
from poslogs.access.storage import SCHEME
from poslogs.errors import TooMany

ROOMY: Final = RateLimitItemPerMinute(300)  # for requests that cost next to nothing, such as the lists of /mcp
WRONG_TOKENS: Final = RateLimitItemPerMinute(20)  # from one address; valid tokens from it do not count
KNOWN_NOTATIONS: Final = 256  # of rates that are kept parsed
IPV6_HOST_BITS: Final = 64  # a host or a home has a /64 of its own, and may use any address in it


class Limits:
    """Rates over all endpoints together, by client, counted by flask-limiter; `install` before any route runs.

    Requests without a client (probes, preflights) and for unknown paths are not counted. A fixed window would let twice
    as many through at its edge, so windows move. `storage` is an address that `limits` knows; the default counts in
    this process's memory (storage.py), and `options` are what it takes. One that has a method `expect` is told by it
    which rates a request is counted by. How flask-limiter is used, and why, is docs/decisions/0002-libraries.md.
    """

    def __init__(self, storage: str = f"{SCHEME}://", options: Mapping[str, Any] | None = None) -> None:
        self._limiter = Limiter(
            _key,
            application_limits=[_OwnRates(self._own_of_an_endpoint, scope=_OWN)],
            strategy="moving-window",
            storage_uri=storage,
            storage_options=dict(options or {}),
            headers_enabled=False,  # it would overwrite Retry-After: `_tell` writes them
            swallow_errors=False,
            on_breach=_refuse,
            request_identifier=lambda: request.endpoint or "nowhere",  # it would count nothing where this is empty
        )
        self.spend = self._limiter.shared_limit(self._own, scope=_OWN)(_spend)
        self.spend_roomily = self._limiter.shared_limit(self._roomy, scope=_ROOMY)(_spend_roomily)

    def install(self, app: Flask) -> None:
        """Count the app's requests from now on. Authentication must have been registered before."""
        self._limiter.init_app(app)
        app.after_request(self._tell)

    def leave(self, routes: Blueprint) -> None:
        """Do not count requests for these routes: they call `spend` or `spend_roomily` themselves."""
        self._limiter.exempt(routes)

    @property
    def windows(self) -> int:
        """How many windows are held in this process's memory."""
        storage = self._limiter.limiter.storage
        return len(storage) if isinstance(storage, Sized) else 0

    def wrong_token(self, address: str) -> None:
        """Count a wrong token from an address, IPv6 by its /64. Raises TooMany at more than WRONG_TOKENS.

        flask-limiter itself has no call for this: its rates apply to every request, and this one to wrong tokens alone.
        """
        keys = "wrong-token", _sender(address)
        if self._limiter.limiter.hit(WRONG_TOKENS, *keys):
            return
        window = self._limiter.limiter.get_window_stats(WRONG_TOKENS, *keys)
        seconds = _seconds(window)
        raise TooMany(
            f"{WRONG_TOKENS.amount} wrong tokens in a minute came from this address; "
            f"check the token, and try again in {seconds} s.",
            retry_after=seconds,
            more=_headers(WRONG_TOKENS, window),
        )

    def _tell(self, response: Response) -> Response:
        counted = self._limiter.current_limit
        if counted is not None:
            response.headers.update(_headers(counted.limit, counted.window))
        return response

    def _own_of_an_endpoint(self) -> str:
        return self._own() if "client" in g and request.endpoint is not None else ""

    def _own(self) -> str:
        """The client's own rates."""
        client: Client = g.client
        return self._counted_together(_each_once(client.requests), _OWN)

    def _roomy(self) -> str:
        """ROOMY, or the client's own rates where all of these are higher."""
        client: Client = g.client
        roomy = _each_once(client.requests) if _higher(client.requests) else str(ROOMY)
        return self._counted_together(roomy, _ROOMY)

    def _counted_together(self, notation: str, scope: str) -> str:
        """The rates that flask-limiter counts next, one after the other; a storage may count them at once."""
        expect = getattr(self._limiter.limiter.storage, "expect", None)  # `Limiter.storage` refuses an empty one
        if expect is not None:
            ids = _key(), scope
            expect([(rate.key_for(*ids), rate.amount, rate.get_expiry()) for rate in _in_order(notation)])
        return notation


_OWN: Final = "own"
_ROOMY: Final = "roomy"


def _key() -> str:
    return f"client:{g.client.key}"  # flask-limiter would skip a client whose key is empty


class _OwnRates(ApplicationLimit):
    """A limit that is parsed once for each notation: flask-limiter would parse it at each request."""

    def __iter__(self) -> Iterator[Any]:
        notation = self.limit_provider() if callable(self.limit_provider) else self.limit_provider
        parsed = self._parsed.get(notation)
        if parsed is None:
            if len(self._parsed) >= KNOWN_NOTATIONS:
                self._parsed.clear()
            parsed = self._parsed[notation] = tuple(super().__iter__())
        return iter(parsed)

    @cached_property
    def _parsed(self) -> dict[str, tuple[Any, ...]]:
        return {}


def _spend() -> None:
    """Count a request by the client's own rates. Raises TooMany."""


def _spend_roomily() -> None:
    """Count a request by ROOMY, or by the client's own rates where these are higher. Raises TooMany."""


def _refuse(reached: RequestLimit) -> Response | None:
    rate, seconds = reached.limit, _seconds(reached.window)
    span = "a minute" if rate.get_expiry() == 60 else f"{rate.get_expiry()} s"
    raise TooMany(f"{rate.amount} requests in {span} reached; try again in {seconds} s.", retry_after=seconds)


@lru_cache(KNOWN_NOTATIONS)
def _each_once(notation: str) -> str:
    """The rates of a client's limits, each once: flask-limiter would count a repeated rate twice."""
    return "; ".join(str(rate) for rate in dict.fromkeys(parse_many(notation)))


@lru_cache(KNOWN_NOTATIONS)
def _in_order(notation: str) -> tuple[RateLimitItem, ...]:
    """The rates in the order in which flask-limiter counts them."""
    return tuple(sorted(parse_many(notation)))


@lru_cache(KNOWN_NOTATIONS)
def _higher(notation: str) -> bool:
    return all(rate.amount * 60 > ROOMY.amount * rate.get_expiry() for rate in parse_many(notation))


def _sender(address: str) -> str:
    """The part of an address by which guesses are counted; `no-address` for text that is not an address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "no-address"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> IPV6_HOST_BITS << IPV6_HOST_BITS))


def _headers(rate: RateLimitItem, window: WindowStats) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(rate.amount),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(int(window.reset_time) + 1),
    }


def _seconds(window: WindowStats) -> int:
    return max(1, math.ceil(window.reset_time - time.time()))
