"""Request rates: how often a client may ask, and how often an address may guess."""

from __future__ import annotations

import math
import time
from typing import Final

from flask import Flask, g
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItemPerMinute
from limits.util import WindowStats
from werkzeug import Response

from poslogs.access.clients import REQUESTS, Client
from poslogs.access.steady import Steady
from poslogs.errors import TooMany

WRONG_TOKENS: Final = RateLimitItemPerMinute(20)  # from one address; right tokens from it are not touched
STRATEGY: Final = "moving-window"  # a fixed window lets twice as many through at its edge (hosting.md, section 8)


def _client() -> Client | None:
    client = g.get("client")
    return client if isinstance(client, Client) else None


class Limits:
    """Rates in this process's memory, over all endpoints together, by client; `install` before any route runs.

    A request of no client (a probe, a preflight) is not counted.
    """

    def __init__(self) -> None:
        self._limiter = Limiter(
            lambda: f"client:{client.id}" if (client := _client()) else "nobody",
            application_limits=[lambda: client.requests if (client := _client()) else REQUESTS],
            application_limits_exempt_when=lambda: _client() is None,
            headers_enabled=True,
            strategy=STRATEGY,
            storage_uri=f"{Steady.STORAGE_SCHEME[0]}://",
        )

    def install(self, app: Flask) -> None:
        """Count requests from here on. What authenticates must have been registered before (hosting.md, section 12)."""
        app.after_request(_right_retry_after)  # runs after the limiter's own, which comes later
        self._limiter.init_app(app)

    def wrong_token(self, address: str) -> None:
        """Count a wrong token from an address. Raises TooMany when there were too many (contract, "Limits")."""
        limiter = self._limiter.limiter
        if limiter.hit(WRONG_TOKENS, "wrong-token", address):
            return
        window = limiter.get_window_stats(WRONG_TOKENS, "wrong-token", address)
        seconds = _seconds(window)
        raise TooMany(
            f"{WRONG_TOKENS.amount} wrong tokens in a minute came from this address; "
            f"check the token, and try again in {seconds} s.",
            retry_after=seconds,
            more={
                "X-RateLimit-Limit": str(WRONG_TOKENS.amount),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(int(window.reset_time) + 1),
            },
        )

    def too_often(self, error: RateLimitExceeded) -> TooMany:
        """The refusal for a client that asks too often; the limiter adds X-RateLimit-*."""
        item, reached = error.limit.limit, self._limiter.current_limit
        span = "a minute" if item.get_expiry() == 60 else f"{item.get_expiry()} s"
        seconds = _seconds(reached.window) if reached else item.get_expiry()
        return TooMany(f"{item.amount} requests in {span} reached; try again in {seconds} s.", retry_after=seconds)


def _seconds(window: WindowStats) -> int:
    return max(1, math.ceil(window.reset_time - time.time()))


def _right_retry_after(response: Response) -> Response:
    # The limiter puts its own Retry-After on every answer. It means something on a refusal only (RFC 9110, section
    # 10.2.3), and a refusal that names a time of its own knows better.
    if "retry_after" in g:
        response.headers["Retry-After"] = str(g.retry_after)
    elif response.status_code != TooMany.status:
        response.headers.pop("Retry-After", None)
    return response
