"""What every answer says to caches and browsers, whatever door it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import FETCH, OTHER, Answer, ask, asking, clients, get, post, request

PING = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()


def mcp(server: Server, body: bytes, **kw: str) -> Answer:
    """The answer of /mcp."""
    return ask(server, request("/mcp", body, "Accept: application/json, text/event-stream", **kw))


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_no_cache_keeps_json_and_no_browser_guesses_what_it_is(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """This holds for every door's answers and refusals, even gunicorn's own of an unreadable head."""
    running = server(kind, clients=clients(other={"token": OTHER, "limits": {"requests": "1 per minute"}}))
    answers = {
        "health": (get(running, "/health"), 200),
        "tools": (get(running, "/tools"), 200),
        "call": (post(running, asking(FETCH), path="/call"), 200),
        "openapi": (get(running, "/openapi.json"), 200),
        "livez": (get(running, "/livez", token=None), 200),
        "readyz": (get(running, "/readyz"), 200),
        "mcp": (mcp(running, PING), 200),
        "mcp, no JSON": (mcp(running, b"{"), 400),
        "mcp, GET": (ask(running, request("/mcp", b"", method="GET")), 405),
        "mcp, no token": (ask(running, request("/mcp", PING, token=None)), 401),
        "bad input": (post(running, b"[]"), 400),
        "no token": (get(running, "/health", token=None), 401),
        "nothing here": (get(running, "/nowhere"), 404),
        "no file of the page": (get(running, "/page/nothing.js", token=None), 404),
        "another method": (get(running, "/call"), 405),
        "no JSON": (post(running, asking(), "Content-Type: text/plain"), 415),
        "first of one": (get(running, "/tools", token=OTHER), 200),
        "too many": (get(running, "/tools", token=OTHER), 429),
        "no head": (ask(running, b"GET /health HTTP/1.1\r\nno colon\r\n\r\n"), 400),
    }
    for name, (answer, status) in answers.items():
        assert answer.status == status, name
        assert answer.headers["content-type"] == "application/json", name
        assert answer.headers["cache-control"] == "no-store", name
        assert answer.headers["x-content-type-options"] == "nosniff", name


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_what_is_no_json_is_not_guessed_at_either(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Streams have the contract's headers for caches, and the page is revalidated by its ETag."""
    running = server(kind, clients=clients())
    for answer, caching in (
        (post(running, asking()), "no-cache, no-transform"),
        (post(running, asking(), "Accept-Encoding: gzip"), "no-cache, no-transform"),
        (get(running, "/", token=None), "no-cache"),
        (get(running, "/page/main.js", token=None), "no-cache"),
        (get(running, "/metrics"), None),
    ):
        assert answer.status == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers.get("cache-control") == caching
