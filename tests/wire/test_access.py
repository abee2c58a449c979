"""Who may come in, and to what: tokens, scopes, the paths that need no token, guesses, and published tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    FETCH,
    OTHER,
    PAGE,
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


def text_of(answer: Answer) -> Any:
    """What a tool answered."""
    assert answer.status == 200, answer
    return json.loads(json.loads(answer.body)["content"][0]["text"])


def test_a_token_and_a_hashed_token_both_open_the_door(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A client is known by `token`, or by `token_sha256` in either case. The hash itself does not work as a token."""
    digest = sha256(OTHER.encode()).hexdigest()
    shouted = sha256(b"third-token").hexdigest().upper()
    running = server(clients=clients(other={"token_sha256": digest}, third={"token_sha256": shouted}))
    for token in (READER, OTHER, "third-token"):
        assert get(running, "/tools", token=token).status == 200
        assert post(running, asking(), token=token).is_stream
    for token in (digest, shouted, shouted.lower()):
        assert get(running, "/tools", token=token).status == 401
    unharmed(running)


def test_a_client_sees_its_own_environments_and_no_other(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Another client's environment is 403, an unknown one 400. Every list has only what the client may read."""
    running = server(
        clients=clients(other={"token": OTHER, "envs": ["staging", "later"]}, nobody={"token": "none", "envs": []}),
        environments={"staging": platformos, "production": platformos},
    )
    production = asking().replace(b"staging", b"production")
    for body, path in ((production, "/call-stream"), (production.replace(STREAM.encode(), FETCH.encode()), "/call")):
        refused = post(running, body, token=OTHER, path=path)
        assert (refused.status, refused.sentence) == (403, "This token may not read environment production.")
        assert post(running, body, token=READER, path=path).status == 200
    for token, known in ((OTHER, "staging"), (READER, "staging, production"), ("none", "none")):
        for name in ("nowhere", "later", "Staging", "staging ", "../staging"):
            unknown = post(running, asking().replace(b"staging", name.encode()), token=token)
            assert unknown.status == 400, (name, unknown)
            assert unknown.sentence == f'Unknown environment "{name}"; known: {known}.', token
        named = [] if known == "none" else known.split(", ")
        listed = post(running, b'{"tool":"platformos.env.list"}', token=token, path="/call")
        assert [env["name"] for env in text_of(listed)["envs"]] == named
        assert all(set(env) == {"name", "url"} for env in text_of(listed)["envs"])
        health = json.loads(get(running, "/health", token=token).body)
        assert [env["name"] for env in health["environments"]] == named
    assert "pos-token" not in str(health)
    unharmed(running)


def test_a_body_that_was_understood_before_opens_no_other_door(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """For the same bytes again each caller's own rights and the door are checked; more spaces change nothing."""
    running = server(
        clients=clients(other={"token": OTHER, "envs": ["staging"]}),
        environments={"staging": platformos, "production": platformos},
    )
    production = asking().replace(b"staging", b"production")
    for body in (production, production, production + b" " * 2000):
        assert post(running, body, token=READER).is_stream
        assert post(running, body, token=OTHER).status == 403
        assert post(running, body, token=None).status == 401
        assert post(running, body, path="/call").sentence == f"{STREAM} streams: POST it to /call-stream."
        assert post(running, body + b"}").status == 400
    unharmed(running)


def test_without_a_token_the_challenge_says_how_to_come_in(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """By RFC 6750, on every path: a bare challenge without a token, `invalid_token` for a wrong one."""
    running = server(clients=clients())
    for path in ("/health", "/tools", "/nowhere", "/call", "/call-stream"):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            for token, error in ((None, ""), ("wrong", ', error="invalid_token"')):
                if token and (path, method) not in (("/health", "GET"), ("/call", "POST"), ("/nowhere", "PUT")):
                    continue  # twenty wrong tokens a minute are all that an address has
                refused = ask_as(running, method, path, token)
                assert refused.status == 401, (method, path, refused)
                assert refused.headers["www-authenticate"] == f'Bearer realm="poslogs"{error}', (method, path)
                assert refused.sentence
    unharmed(running)


def ask_as(server: Server, method: str, path: str, token: str | None) -> Answer:
    """The answer to an empty request of any method."""
    return ask(server, request(path, method=method, token=token))


def test_probes_and_preflights_need_no_token_and_tell_nothing_but_ok(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """/livez and /readyz answer the same without a token, with a wrong or a right one, any number of times."""
    running = server(clients=clients(other={"token": OTHER, "limits": {"requests": "1 per minute"}}))
    for path in ("/livez", "/readyz"):
        for token in (None, "wrong", OTHER) * 10:
            probe = get(running, path, token=token)
            assert (probe.status, probe.body) == (200, b'{"status":"ok"}')
            assert not any(name.startswith("x-ratelimit") for name in probe.headers)
    assert preflight(running, PAGE).status == 200
    assert get(running, "/health", token=OTHER).status == 200
    assert get(running, "/health", token=OTHER).status == 429
    assert get(running, "/livez", token=OTHER).status == 200
    unharmed(running)


def test_paths_and_methods_that_are_not_there_are_told_in_the_one_shape(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """404 comes under /.well-known/ without a token, elsewhere with one. 405 names what the path takes instead."""
    running = server(clients=clients())
    for path in ("oauth-protected-resource", "oauth-authorization-server", "openid-configuration", "x/mcp"):
        refused = get(running, f"/.well-known/{path}", token=None)
        assert refused.status == 404, path
        assert refused.sentence
        assert "www-authenticate" not in refused.headers
    for path in ("/nowhere", "/call/x", "/tools/x", "/../etc/passwd", "/%00", "/clients.json", "/.pos"):
        refused = get(running, path)
        assert refused.status == 404, (path, refused)
        assert refused.sentence
    for path, method, allowed in (
        ("/call-stream", "GET", "POST"),
        ("/call", "DELETE", "POST"),
        ("/health", "POST", "GET"),
        ("/tools", "PUT", "GET"),
        ("/livez", "POST", "GET"),
    ):
        refused = ask_as(running, method, path, READER)
        assert refused.status == 405, (path, refused)
        assert allowed in refused.headers["allow"]
        assert f"does not take {method}" in refused.sentence
        assert allowed in refused.sentence
    unharmed(running)


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_guessing_is_limited_by_address_and_harms_no_right_token(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Twenty wrong tokens get 401, the next 429. Right ones and other addresses go on as before."""
    running = server(kind, clients=clients(), own=True)
    statuses = [get(running, "/health", token=f"guess-{number}").status for number in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    refused = post(running, asking(), f"Origin: {PAGE}", token="guess")
    assert refused.status == 429
    assert "wrong tokens" in refused.sentence
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.sentence.endswith(f"try again in {refused.headers['retry-after']} s.")
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("20", "0")
    assert 0 <= int(refused.headers["x-ratelimit-reset"]) - time.time() <= 61
    assert refused.headers["access-control-allow-origin"] == PAGE
    for _ in range(30):
        assert get(running, "/health", token=READER).status == 200
    assert post(running, asking(), token=READER).is_stream
    assert get(running, "/health", token=None).status == 401
    assert get(running, "/health", token="guess", source="127.0.0.2").status == 401
    unharmed(running)


@pytest.mark.parametrize(("hops", "address"), [(1, "203.0.113.{0}"), (2, "203.0.113.{0}, 10.0.0.9")])
def test_behind_proxies_guesses_are_counted_by_the_address_that_they_tell(
    server: Callable[..., Server], platformos: PlatformOS, hops: int, address: str
) -> None:
    """With POSLOGS_PROXY_HOPS a guesser behind the proxy uses up its own guesses, not its neighbours'."""
    running = server(clients=clients(), env={"POSLOGS_PROXY_HOPS": str(hops)}, own=True)

    def guess(neighbour: int) -> int:
        return get(running, "/health", f"X-Forwarded-For: {address.format(neighbour)}", token="guess").status

    assert [guess(1) for _ in range(22)] == [401] * 20 + [429] * 2
    assert [guess(neighbour) for neighbour in range(2, 10)] == [401] * 8
    assert get(running, "/health", f"X-Forwarded-For: {address.format(1)}", token=READER).status == 200
    unharmed(running)


def test_a_token_of_ones_own_serves_every_address(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Without published tokens the server listens on all addresses, and serves what a proxy sends."""
    running = server(clients=clients(), args=["-b", "0.0.0.0:0"])
    assert post(running, asking(), "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9").is_stream
    unharmed(running)
