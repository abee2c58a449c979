"""How often a client may ask: per client, over all endpoints together, in moving windows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

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
    asking,
    clients,
    get,
    open_streams,
    post,
    unharmed,
    wait_for,
)

KINDS = ["gevent", "gthread"]
RATE_HEADERS = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
THIRD = "third-token-11aa"
TURNS = [f"{number}-token-33cc" for number in ("one", "two", "three")]  # of clients that have a go one after another
TOO_SLOW = "this machine is too slow for what this test tells"


def mixed(server: Server, number: int, token: str) -> Answer:
    """One of the requests that a client makes, each to another endpoint than the one before."""
    return (
        lambda: get(server, "/health", token=token),
        lambda: get(server, "/tools", token=token),
        lambda: post(server, asking(FETCH), token=token, path="/call"),
        lambda: post(server, asking(), token=token),
        lambda: post(server, b"not JSON", token=token, path="/call"),
    )[number % 5]()


@pytest.mark.parametrize("kind", KINDS)
def test_the_21st_request_in_ten_seconds_is_refused_whatever_it_asks_for(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """After twenty over all endpoints, good and bad, each gets 429, and no stream opens. Other clients are served."""
    running = server(kind, clients=clients(third={"token": THIRD}, **{token: {"token": token} for token in TURNS}))

    def tells(token: str) -> bool:
        """Whether it could be seen, as all were asked within ten seconds."""
        began = time.monotonic()
        allowed = [mixed(running, number, token) for number in range(20)]
        later = time.time()
        refused = [mixed(running, number, token) for number in range(10)]
        if time.monotonic() - began >= 10:
            return False
        assert [each.status for each in allowed] == [200, 200, 200, 200, 400] * 4
        assert [int(each.headers["x-ratelimit-remaining"]) for each in allowed] == list(range(19, -1, -1))
        for each in refused:
            assert each.status == 429
            assert each.sentence.startswith("20 requests in 10 s ")
            assert 1 <= int(each.headers["retry-after"]) <= 10
            assert each.sentence.endswith(f"reached; try again in {each.headers['retry-after']} s.")
            assert each.headers["x-ratelimit-limit"] == "20"
            assert each.headers["x-ratelimit-remaining"] == "0"
            assert later <= int(each.headers["x-ratelimit-reset"]) <= time.time() + 11
        return True

    assert any(tells(token) for token in TURNS), TOO_SLOW
    wait_for(lambda: open_streams(running) == 0, 10)
    assert [mixed(running, number, THIRD).status for number in range(5)] == [200, 200, 200, 200, 400]
    unharmed(running)


def test_a_hundred_requests_a_minute_are_all_that_there_are(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The start-up lines state the guide's rates. This tests the hundred a minute without the twenty in ten seconds."""
    minute = {"requests": "100 per minute", "streams": 100}
    first = {"default": {"token": THIRD}, **clients(other={"token": OTHER, "limits": minute})}
    running = server(clients=first, own=True)
    running.wait_output(
        "limits        100 per minute; 20 per 10 seconds; 10 streams; for client default; others differ"
    )
    statuses = [mixed(running, number, OTHER).status for number in range(100)]
    assert statuses == [200, 200, 200, 200, 400] * 20
    refused = get(running, "/health", token=OTHER)
    assert refused.status == 429
    assert refused.sentence.startswith("100 requests in a minute ")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    unharmed(running)


def test_the_window_moves_and_retry_after_tells_when_there_is_room(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """After one request and three more late in the window, the first leaves the window and makes room for one."""
    limits = {"requests": "4 per 6 second"}
    running = server(clients=clients(**{token: {"token": token, "limits": limits} for token in TURNS}))

    def asks(token: str) -> int:
        return get(running, "/health", token=token).status

    def tells(token: str) -> bool:
        """Whether it could be seen, as what must be within a window was."""
        began = time.monotonic()
        first = asks(token)
        time.sleep(3.0)
        three = [asks(token) for _ in range(3)]
        refused = get(running, "/health", token=token)
        if time.monotonic() - began >= 6.0:
            return False
        assert [first, *three, refused.status] == [200, 200, 200, 200, 429]
        told = int(refused.headers["retry-after"])
        assert 1 <= told <= 4
        time.sleep(told)
        assert asks(token) == 200
        again = asks(token)
        if time.monotonic() - began >= 9.0:  # the three came 3 s after `began` or later
            return False
        assert again == 429
        return True

    assert any(tells(token) for token in TURNS), TOO_SLOW
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_request_opens_no_stream_and_costs_nothing(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Three streams fill a rate of three. The fourth to tenth are refused as JSON, and platformOS gets no question."""
    limits = {"requests": "3 per minute", "streams": 100}
    running = server(kind, clients=clients(other={"token": OTHER, "limits": limits}))
    platformos.add({})
    given = {"env": "staging", "interval": 3_600_000}
    with (
        running.stream(STREAM, given, token=OTHER) as first,
        running.stream(STREAM, given, token=OTHER) as second,
        running.stream(STREAM, given, token=OTHER) as third,
    ):
        for reader in (first, second, third):
            reader.wait_entries(1)
        platformos.wait_for_requests(2)  # a first answer that brings rows is followed by one more question at once
        polls = len(platformos.requests)
        for _ in range(7):
            refused = post(running, asking(interval=250), token=OTHER)
            assert refused.status == 429
            assert refused.sentence.startswith("3 requests in a minute ")
        assert open_streams(running) == 3
        assert len(platformos.requests) == polls
    unharmed(running)


def test_clients_are_counted_apart_each_by_its_own_limits(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Two a minute, five a minute and plenty, from one address: each gets its own, in any order of requests."""
    running = server(
        clients=clients(
            other={"token": OTHER, "limits": {"requests": "2 per minute"}},
            third={"token": THIRD, "limits": {"requests": "5 per minute; 1000 per hour"}},
        )
    )
    turns = [
        [get(running, path, token=token).status for token in (OTHER, THIRD, READER)]
        for path in ("/health", "/tools") * 4
    ]
    assert [list(column) for column in zip(*turns, strict=True)] == [
        [200] * 2 + [429] * 6,
        [200] * 5 + [429] * 3,
        [200] * 8,
    ]
    unharmed(running)


def test_no_client_is_without_limits_whatever_its_name(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Clients with empty names, names alike but for a separator, or the limiter's own words are all counted apart."""
    names = ("", "a", "a/b", "b", "application", "127.0.0.1", "ключ")
    listed = {name: {"token": f"token-{number}", "limits": {"requests": "2 per minute"}}
              for number, name in enumerate(names)}  # fmt: skip
    running = server(clients=clients(**listed))
    for number, name in enumerate(names):
        statuses = [get(running, "/health", token=f"token-{number}").status for _ in range(3)]
        assert statuses == [200, 200, 429], name
    unharmed(running)


def test_a_page_can_read_every_refusal(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """CORS headers are on 400, 401, 403, 404, 405, 415 and 429, and expose the headers of the rate."""
    one = {"requests": "6 per minute", "streams": 0}
    running = server(clients=clients(other={"token": OTHER, "envs": ["staging"], "limits": one}),
                     environments={"staging": platformos, "production": platformos})  # fmt: skip
    origin = f"Origin: {PAGE}"
    answers = [
        post(running, b"[]", origin, token=OTHER),
        post(running, asking(), origin, token=None),
        post(running, asking(), origin, token="wrong"),
        post(running, asking().replace(b"staging", b"production"), origin, token=OTHER),
        get(running, "/nowhere", origin, token=OTHER),
        get(running, "/call", origin, token=OTHER),
        post(running, asking(), origin, "Content-Type: text/plain", token=OTHER),
        post(running, asking(), origin, token=OTHER),
        get(running, "/health", origin, token=OTHER),
    ]
    assert [each.status for each in answers] == [400, 401, 401, 403, 404, 405, 415, 429, 200]
    while (last := get(running, "/health", origin, token=OTHER)).status == 200:
        answers.append(last)
    assert last.status == 429
    for each in (*answers, last):
        assert each.headers["access-control-allow-origin"] == PAGE, each
        exposed = set(re.split(r",\s*", each.headers["access-control-expose-headers"].lower()))
        assert exposed >= {"retry-after", *RATE_HEADERS}, each
        assert ("retry-after" in each.headers) is (each.status == 429), each
    for each in (answers[7], last):
        assert each.headers.keys() >= RATE_HEADERS, each
    unharmed(running)
