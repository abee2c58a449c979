"""Which pages of other origins may call, and what they may see."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    READER,
    STREAM,
    Answer,
    ask,
    asking,
    clients,
    get,
    post,
    preflight,
    request,
    unharmed,
)

ALLOWED = [
    "http://localhost:5173",
    "http://127.0.0.1:8080",
    "http://localhost",
    "http://127.0.0.1",
    "http://localhost:1",
]
EXPOSED = {"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}


def words(answer: Answer, name: str) -> set[str]:
    """A header's list, in lower case."""
    return set(re.split(r",\s*", answer.headers.get(name, "").lower())) - {""}


@pytest.mark.parametrize("kind", ["gevent", "gthread", "waitress", "flask"])
def test_a_page_of_this_machine_may_stream(server: Callable[..., Server], platformos: PlatformOS, kind: str) -> None:
    """From any port of localhost and 127.0.0.1 a preflight and then the POST with a token are allowed, by origin."""
    platformos.add({})
    # waitress finds out by writing that a reader has left, unless a slot is wanted
    running = server(kind, clients=clients(), env={"POSLOGS_HEARTBEAT_SECONDS": "0.5"})
    for origin in ALLOWED:
        allowed = preflight(running, origin)
        assert allowed.status in (200, 204), origin
        assert allowed.headers["access-control-allow-origin"] == origin
        assert "post" in words(allowed, "access-control-allow-methods")
        assert words(allowed, "access-control-allow-headers") >= {"authorization", "content-type"}
        assert int(allowed.headers["access-control-max-age"]) <= 86_400
        assert "access-control-allow-credentials" not in allowed.headers
        with running.stream(STREAM, {"env": "staging"}, token=READER, headers={"Origin": origin}) as reader:
            reader.wait_entries(1)
            assert reader.headers["access-control-allow-origin"] == origin
            assert set(reader.headers["access-control-expose-headers"].lower().split(", ")) >= EXPOSED
            varies = ",".join(value for name, value in reader.header_list if name.lower() == "vary").lower()
            assert "origin" in varies
            assert "accept-encoding" in varies
    unharmed(running)


def test_a_preflight_allows_the_headers_that_the_clients_send_and_no_others(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """They are Authorization, Content-Type, Accept and Last-Event-ID, in any case; methods are GET and POST."""
    running = server(clients=clients())
    asked = "Access-Control-Request-Headers: authorization, content-type, accept, last-event-id, x-anything"
    lines = ("Origin: http://localhost:5173", "Access-Control-Request-Method: POST", asked)
    for path in ("/call-stream", "/call", "/tools", "/health"):
        allowed = ask(running, request(path, b"", *lines, method="OPTIONS", token=None))
        assert words(allowed, "access-control-allow-headers") == {
            "authorization", "content-type", "accept", "last-event-id",
        }  # fmt: skip
        assert words(allowed, "access-control-allow-methods") >= {"get", "post"}
        assert words(allowed, "access-control-allow-methods").isdisjoint({"put", "delete", "patch"})
    unharmed(running)


def test_another_origin_gets_no_header_and_no_origin_gets_none_either(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Pages of the internet, `null`, https, and programs without an origin are served as their token says."""
    running = server(clients=clients())
    for lines in (["Origin: https://evil.example"], ["Origin: null"], ["Origin: https://localhost:5173"], []):
        for answer in (get(running, "/health", *lines), post(running, asking(), *lines)):
            assert answer.status == 200
            assert not any(name.startswith("access-control-") for name in answer.headers), (lines, answer)
    unharmed(running)


def test_the_operator_says_which_origins_may_call(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """POSLOGS_CORS_ORIGINS takes exact origins, and wildcards for a port or a name. It replaces the defaults."""
    origins = "https://logs.example.com, http://dev.example.com:*, https://*.example.org"
    running = server(clients=clients(), env={"POSLOGS_CORS_ORIGINS": origins})
    for origin, allowed in (
        ("https://logs.example.com", True),
        ("https://logs.example.com:444", False),
        ("http://logs.example.com", False),
        ("https://logsxexample.com", False),
        ("https://logs.example.com.evil.example", False),
        ("http://dev.example.com", True),
        ("http://dev.example.com:8080", True),
        ("http://dev.example.com:x", False),
        ("https://a.example.org", True),
        ("https://a.b.example.org", True),
        ("https://example.org", False),
        ("https://evil.example/.example.org", False),
        ("https://evil.example?.example.org", False),
        ("http://localhost:5173", False),
    ):
        answer = preflight(running, origin)
        assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None), origin
        answer = post(running, asking(), f"Origin: {origin}")
        assert answer.is_stream
        assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None), origin
    unharmed(running)


def test_the_operator_may_let_every_origin_call(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """With POSLOGS_CORS_ORIGINS=* any page may call, as far as its token allows."""
    running = server(clients=clients(), env={"POSLOGS_CORS_ORIGINS": "*"})
    for origin in ("https://anything.example", "null"):
        assert preflight(running, origin).headers["access-control-allow-origin"] in (origin, "*")
        assert post(running, asking(), f"Origin: {origin}").headers["access-control-allow-origin"] in (origin, "*")
        assert post(running, asking(), f"Origin: {origin}", token=None).status == 401
    unharmed(running)
