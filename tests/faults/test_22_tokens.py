"""Fault 22: no token, an odd one, another's, a revoked one: 401 or 403, no slot, and never a token in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    OPERATOR,
    OTHER,
    PLENTY,
    READER,
    STREAM,
    ask,
    asking,
    clients,
    get,
    open_streams,
    post,
    request,
    unharmed,
)

KINDS = ["gevent", "gthread"]
RIGHT = f"Authorization: Bearer {READER}"
NONE: list[bytes] = [b"X-Nothing: at all", b"Authorization:", b"Authorization: "]
WRONG: list[bytes] = [
    b"Authorization: Basic cmVhZGVyOnJlYWRlcg==",
    f"Authorization: Token {READER}".encode(),
    f"Authorization: {READER}".encode(),
    b"Authorization: Bearer",
    f"Authorization: Bearer {READER[:-1]}".encode(),
    f"Authorization: Bearer {READER}x".encode(),
    f"Authorization: Bearer {READER.upper()}".encode(),
    f'Authorization: Bearer "{READER}"'.encode(),
    f"Authorization: Bearer {READER},".encode(),
    f"Authorization: Bearer {READER} {READER}".encode(),
    f"Authorization: Bearer\t{READER}".encode(),
    f"{RIGHT}\r\n{RIGHT}".encode(),
    f"{RIGHT}\r\nAuthorization: Bearer {OTHER}".encode(),
    f"Authorization: Basic eDp5\r\n{RIGHT}".encode(),
    b"Authorization: Bearer \xff\xfe\xfd",
    "Authorization: Bearer пароль".encode(),
    b"Authorization: Bearer " + b"x" * 4096,
    b"Authorization: Bearer " + b"x" * 8000,
]


def scoped(**more: Any) -> dict[str, Any]:
    """The clients of most tests here, with one that may read only `production`."""
    return clients(other={"token": OTHER, "envs": ["production"], "limits": PLENTY, **more})


@pytest.mark.parametrize("kind", KINDS)
def test_every_odd_authorization_is_refused_with_a_challenge_and_opens_nothing(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """None, a wrong scheme, twice the right one, bits of it, other alphabets: 401, and platformOS is never asked."""
    running = server(kind, clients=scoped(), own=True)  # each costs one of the twenty a minute
    for lines in NONE + WRONG:
        refused = post(running, asking(), lines, token=None)
        assert refused.status == 401, (lines[:60], refused)
        assert refused.sentence
        sign = ', error="invalid_token"' if lines in WRONG else ""
        assert refused.headers["www-authenticate"] == f'Bearer realm="poslogs"{sign}', (lines[:60], refused)
    for line in (f"authorization:bearer  {READER}  ", RIGHT):  # the scheme and the header's name ignore case
        assert post(running, asking(), line, token=None).is_stream, line
    for elsewhere in (f"/call-stream?token={READER}", f"/call-stream?access_token={READER}"):
        assert ask(running, request(elsewhere, asking(), f"Cookie: token={READER}", token=None)).status == 401
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_1_mb_harms_nobody(server: Callable[..., Server], platformos: PlatformOS, kind: str) -> None:
    """It is refused without being logged, again and again, and the next request is served."""
    running = server(kind, clients=scoped())
    for _ in range(3):
        refused = post(running, asking(), b"Authorization: Bearer " + b"tokentok" * 131_072, token=None)
        assert refused.status in (400, 401, 431)
    assert post(running, asking()).is_stream
    assert "tokentok" not in running.output
    unharmed(running)


def test_a_token_of_1_mb_is_refused_in_the_one_shape(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """It gets a sentence in JSON, as every other wrong token."""
    running = server(clients=scoped())
    assert post(running, asking(), b"Authorization: Bearer " + b"x" * 1_048_576, token=None).sentence


def test_another_clients_token_opens_that_clients_environments_and_no_others(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The token of a client of `production` is 403 for `staging`, whatever else the request claims."""
    both = {"staging": platformos, "production": platformos}
    running = server(clients=scoped(), environments=both)
    for claim in (
        "X-Client: reader",
        "X-Client-Id: reader",
        f"X-Authorization: Bearer {READER}",
        f"Cookie: t={READER}",
    ):
        refused = post(running, asking(), claim, token=OTHER)
        assert refused.status == 403, claim
        assert refused.sentence == "This token may not read environment staging."
    allowed = post(running, asking().replace(b"staging", b"production"), token=OTHER)
    assert allowed.is_stream
    unharmed(running)


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_revoked_token_ends_its_open_streams_and_no_others(
    server: Callable[..., Server], platformos: PlatformOS, kind: str, gzip: bool
) -> None:
    """When a token leaves clients.json, its stream says why, says done and ends, and its slot is free."""
    running = server(kind, clients=scoped(envs=["staging"]))
    given = {"env": "staging", "interval": 250}
    with (
        running.stream(STREAM, given, token=OTHER, gzip=gzip) as revoked,
        running.stream(STREAM, given, token=READER) as other,
    ):
        platformos.add({})
        revoked.wait_entries(1)
        other.wait_entries(1)
        running.clients_file.write_text(json.dumps(clients()))
        revoked.wait_end(10)
        assert revoked.done
        assert revoked.ended_clean
        assert [error["message"] for error in revoked.errors] == ["This token was revoked; use another."]
        assert revoked.gzip_ended_right is gzip
        assert open_streams(running) == 1
        refused = post(running, asking(), token=OTHER)
        assert (refused.status, refused.sentence) == (
            401,
            "This token is not known here; use one from the server's clients.json.",
        )
        platformos.add({})
        other.wait_entries(2)
        assert not other.ended
        assert revoked.entry_ids == ["1"]
    unharmed(running)


def test_a_token_that_moves_to_another_client_or_loses_its_environment_ends_its_streams(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """A token is narrowed to `production`, then given to somebody else: each time the old streams end."""
    both = {"staging": platformos, "production": platformos}
    running = server(clients=clients(other={"token": OTHER, "limits": PLENTY}), environments=both)
    with (
        running.stream(STREAM, {"env": "staging"}, token=OTHER) as staging,
        running.stream(STREAM, {"env": "production"}, token=OTHER) as production,
    ):
        assert (staging.status, production.status) == (200, 200)
        running.clients_file.write_text(json.dumps(scoped()))
        staging.wait_end(10)
        assert staging.done
        assert [error["message"] for error in staging.errors] == ["This token may no longer read environment staging."]
        assert not production.ended
        running.clients_file.write_text(json.dumps(clients(someone={"token": OTHER, "limits": PLENTY})))
        production.wait_end(10)
        assert production.done
    assert get(running, "/health", token=OPERATOR).status == 200
    unharmed(running)
