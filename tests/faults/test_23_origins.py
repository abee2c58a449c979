"""Fault 23: a wrong Origin, a preflight, `null`, a forged `X-Forwarded-For`: nothing is opened, no limit is fooled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    OTHER,
    PAGE,
    READER,
    asking,
    clients,
    get,
    open_streams,
    post,
    preflight,
    unharmed,
)

STRANGERS = [
    "null", "*", "", "http://evil.example", "http://localhost.evil.example", "http://localhost:80.evil.example",
    "http://evil.example:80/http://localhost:1", "http://evil.example#http://localhost:1", "https://localhost:5173",
    "http://127.0.0.1.evil.example", "http://127.0.0.10:5173", "http://127.0.0.1:5173x", "http://localhost:",
    "http://user@localhost:1", "http://localhost:1/", "http://localhost:1 http://evil.example", "file://",
    "http://xlocalhost:1", "http://[::1]:5173", "localhost:5173", "http://localhost:5173,http://evil.example",
]  # fmt: skip
FORGED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP")


def forged(number: int) -> list[str]:
    """The headers by which a caller claims to be somebody else each time."""
    return [f"{name}: {'for=' if name == 'Forwarded' else ''}203.0.113.{number % 250}" for name in FORGED]


def cors(headers: dict[str, str]) -> dict[str, str]:
    """The headers that tell a browser what a page may see."""
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_a_page_of_another_origin_learns_nothing(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """No answer to a strange origin, with or without a token, has a header that lets the browser show it."""
    running = server(kind, clients=clients(), own=True)
    for origin in STRANGERS:
        assert cors(preflight(running, origin).headers) == {}, origin
        refused = post(running, asking(), f"Origin: {origin}", token=None)
        assert (refused.status, cors(refused.headers)) == (401, {}), origin
        served = get(running, "/tools", f"Origin: {origin}")
        assert (served.status, cors(served.headers)) == (200, {}), origin
        streamed = post(running, asking(), f"Origin: {origin}")
        assert (streamed.is_stream, cors(streamed.headers)) == (True, {}), origin
    assert "access-control-allow-origin" in preflight(running, PAGE).headers
    unharmed(running)


def test_preflights_open_nothing_and_cost_the_page_none_of_its_requests(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """After sixty preflights the client still has both of its requests. A POST that claims to be one needs a token."""
    running = server(clients=clients(other={"token": OTHER, "limits": {"requests": "2 per minute"}}))
    for origin in (PAGE, "http://evil.example", "null") * 20:
        assert preflight(running, origin).status == 200
    statuses = [get(running, "/health", token=OTHER).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    claims = ("Access-Control-Request-Method: POST", f"Origin: {PAGE}")
    assert post(running, asking(), *claims, token=None).status == 401
    assert get(running, "/health", *claims, token=None).status == 401
    assert platformos.requests == []
    unharmed(running)


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_forged_addresses_win_no_more_requests_streams_or_guesses(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """With another address in every header each time, requests, streams and guesses are counted as before."""
    limits = {"requests": "5 per minute", "streams": 1}
    running = server(kind, clients=clients(other={"token": OTHER, "limits": limits}), own=True)
    with running.stream("platformos.logs.stream", {"env": "staging"}, token=OTHER) as only:
        assert only.status == 200
        seconds = [post(running, asking(), *forged(number), token=OTHER) for number in range(4)]
        assert [(each.status, each.sentence[:8]) for each in seconds] == [(429, "Streams ")] * 4
        over = [get(running, "/health", *forged(number), token=OTHER) for number in range(5)]
        assert [(each.status, each.sentence[:10]) for each in over] == [(429, "5 requests")] * 5
        assert open_streams(running) == 1
    guesses = [get(running, "/health", *forged(number), token=f"guess-{number}").status for number in range(30)]
    assert guesses == [401] * 20 + [429] * 10
    assert get(running, "/health", *forged(1), token=READER).status == 200
    unharmed(running)


def test_behind_one_proxy_only_what_the_proxy_added_counts(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """With POSLOGS_PROXY_HOPS=1 only the last address counts as the guesser's, not those that it wrote itself."""
    running = server(clients=clients(), env={"POSLOGS_PROXY_HOPS": "1"}, own=True)

    def guess(number: int, address: str) -> int:
        line = f"X-Forwarded-For: 203.0.113.{number}, 10.0.0.{number}, {address}"
        return get(running, "/health", line, token=f"guess-{number}").status

    assert [guess(number, "198.51.100.7") for number in range(25)] == [401] * 20 + [429] * 5
    assert guess(1, "198.51.100.8") == 401
    twice = ("X-Forwarded-For: 198.51.100.9", "X-Forwarded-For: 198.51.100.7")
    assert get(running, "/health", *twice, token="guess").status == 429
    assert get(running, "/health", "X-Forwarded-For: 198.51.100.7", token=READER).status == 200
    unharmed(running)


def test_forwarding_headers_are_believed_from_named_proxies_alone(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """With POSLOGS_PROXY_HOPS=1 a client that bypasses the proxy keeps its own address; that is logged once."""
    env = {"POSLOGS_PROXY_HOPS": "1", "POSLOGS_PROXIES": "127.0.0.9, 192.0.2.0/24"}
    running = server(clients=clients(), env=env, own=True)

    def guess(number: int, source: str) -> int:
        line = f"X-Forwarded-For: 203.0.113.{number}"
        return get(running, "/health", line, token=f"guess-{number}", source=source).status

    assert [guess(number, "127.0.0.1") for number in range(25)] == [401] * 20 + [429] * 5
    assert guess(1, "127.0.0.2") == 401
    assert [guess(number, "127.0.0.9") for number in range(25)] == [401] * 25
    told = "Forwarding headers from 127.0.0.1 are ignored; if it is a proxy of yours, name it in POSLOGS_PROXIES."
    assert running.output.count("Forwarding headers from") == running.output.count(told) == 1
    unharmed(running)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_path_of_the_server_is_not_set_by_a_header(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """SCRIPT_NAME and its kin are dropped, even from loopback: the answer is as without them."""
    running = server(kind, clients=clients())
    for name in ("SCRIPT_NAME", "SCRIPT-NAME", "X-Script-Name", "X_SCRIPT_NAME", "PATH_INFO", "REMOTE_USER",
                 "X-Forwarded-Prefix", "Script_Name"):  # fmt: skip
        for value in ("/wrong", "/tools", "/"):
            assert get(running, "/tools", f"{name}: {value}").status == 200, (name, value)
            assert get(running, "/", f"{name}: {value}", token=None).status == 200, (name, value)
    unharmed(running)


def test_the_host_header_and_its_kin_change_nothing(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A rebound name or a forged X-Forwarded-Host neither opens the door nor shows up in any answer."""
    running = server(clients=clients())
    lines = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: javascript", "X-Original-URL: /livez")
    refused = get(running, "/health", *lines, token=None)
    assert refused.status == 401
    served = get(running, "/tools", *lines)
    assert served.status == 200
    assert all("evil.example" not in str(each) for each in (refused, served))
    unharmed(running)
