"""Request rates: how often a client may ask, and how often an address may guess."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from flask import Flask, Response, g, request
from limits import RateLimitItem, RateLimitItemPerMinute, WindowStats, parse_many
from limits.strategies import MovingWindowRateLimiter

from poslogs.access.clients import Client
from poslogs.access.steady import Steady
from poslogs.errors import TooMany

ROOMY: Final = RateLimitItemPerMinute(300)  # for what costs next to nothing, such as lists (mcp.md, section 8)
WRONG_TOKENS: Final = RateLimitItemPerMinute(20)  # from one address; right tokens from it are not touched


class Limits:
    """Rates in this process's memory, over all endpoints together, by client; `install` before any route runs.

    A request of no client (a probe, a preflight) is not counted, nor one for a path where nothing is. A fixed window
    would let twice as many through at its edge (hosting.md, section 8), so windows move.
    """

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(Steady())
        self._apart: Collection[str] = ()

    def install(self, app: Flask, apart: Collection[str] = ()) -> None:
        """Count requests from here on, but for blueprints `apart`, which do so themselves.

        What authenticates must have been registered before.
        """
        self._apart = apart
        app.before_request(self._count)
        app.after_request(self._tell)

    def wrong_token(self, address: str) -> None:
        """Count a wrong token from an address. Raises TooMany when there were too many (contract, "Limits")."""
        if self._limiter.hit(WRONG_TOKENS, "wrong-token", address):
            return
        window = self._limiter.get_window_stats(WRONG_TOKENS, "wrong-token", address)
        seconds = _seconds(window)
        raise TooMany(
            f"{WRONG_TOKENS.amount} wrong tokens in a minute came from this address; "
            f"check the token, and try again in {seconds} s.",
            retry_after=seconds,
            more=_headers(WRONG_TOKENS, window),
        )

    def _count(self) -> None:
        """Raises TooMany for a client that asks too often; answers tell of `g.rate`."""
        client: Client | None = g.get("client")
        if client is not None and request.endpoint is not None and request.blueprint not in self._apart:
            self.spend(client)

    def spend(self, client: Client) -> None:
        """Count a request by the client's own rates. Raises TooMany."""
        self._spend(client, "client", _rates(client.requests))

    def spend_roomily(self, client: Client) -> None:
        """Count a request by ROOMY, or by the client's own rates where these are higher. Raises TooMany."""
        rates = _rates(client.requests)
        higher = all(rate.amount * 60 > ROOMY.amount * rate.get_expiry() for rate in rates)
        self._spend(client, "roomy", rates if higher else (ROOMY,))

    def _spend(self, client: Client, bucket: str, rates: Sequence[RateLimitItem]) -> None:
        g.rate = bucket, rates[0]
        for rate in rates:
            if not self._limiter.hit(rate, bucket, client.id):
                g.rate = bucket, rate
                seconds = _seconds(self._limiter.get_window_stats(rate, bucket, client.id))
                span = "a minute" if rate.get_expiry() == 60 else f"{rate.get_expiry()} s"
                raise TooMany(
                    f"{rate.amount} requests in {span} reached; try again in {seconds} s.", retry_after=seconds
                )

    def _tell(self, response: Response) -> Response:
        counted: tuple[str, RateLimitItem] | None = g.get("rate")
        if counted is not None:
            bucket, rate = counted
            response.headers.update(_headers(rate, self._limiter.get_window_stats(rate, bucket, g.client.id)))
        return response


@lru_cache(maxsize=256)
def _rates(notation: str) -> tuple[RateLimitItem, ...]:
    """The rates that are written in a client's limits, each once, that of the shortest unit first."""
    return tuple(sorted(dict.fromkeys(parse_many(notation))))


def _headers(rate: RateLimitItem, window: WindowStats) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(rate.amount),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(int(window.reset_time) + 1),
    }


def _seconds(window: WindowStats) -> int:
    return max(1, math.ceil(window.reset_time - time.time()))
