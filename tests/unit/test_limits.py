"""What request rates promise, counted by flask-limiter in an app of two routes, and guesses counted by address."""

from __future__ import annotations

import tracemalloc

import pytest
from flask import Blueprint, Flask, Response, g, request
from flask.testing import FlaskClient

from poslogs.access.clients import Client
from poslogs.access.limits import WRONG_TOKENS, Limits
from poslogs.access.storage import MAX_WINDOWS, MonotonicStorage
from poslogs.errors import TooMany

ADDRESSES = 5 * MAX_WINDOWS
WINDOW_BYTES = 2048


def app(requests: str, limits: Limits) -> FlaskClient:
    """An app whose client `a` has these rates: /plain is counted as routes are, /own and /roomy count themselves."""
    made = Flask("test")

    @made.before_request
    def come_in() -> None:
        if request.path != "/nobody":
            g.client = Client(id="a", name="A", digest=b"", requests=requests)

    limits.install(made)
    routes = Blueprint("apart", "test")
    limits.leave(routes)

    @made.get("/plain")
    @made.get("/nobody")
    def plain() -> str:
        return "plain"

    @routes.get("/own")
    def own() -> str:
        limits.spend()
        return "own"

    @routes.get("/roomy")
    def roomy() -> str:
        limits.spend_roomily()
        return "roomy"

    @made.errorhandler(TooMany)
    def refused(refusal: TooMany) -> Response:
        return Response(refusal.sentence, refusal.status, headers=refusal.headers)

    made.register_blueprint(routes)
    return made.test_client()


def guesses(limits: Limits, address: str, count: int = 1) -> list[bool]:
    """For each of `count` wrong tokens from an address, whether it was one too many."""
    told = []
    for _ in range(count):
        try:
            limits.wrong_token(address)
        except TooMany:
            told.append(True)
        else:
            told.append(False)
    return told


@pytest.fixture
def limits() -> Limits:
    made = Limits()
    made.install(Flask("test"))
    return made


@pytest.mark.parametrize("storage", ["monotonic://", "memory://"])
def test_routes_and_what_counts_itself_share_a_clients_rates(storage: str) -> None:
    """Four a minute are two plain requests and two that count themselves, in any storage. Lists count apart."""
    asked = app("4 per minute", Limits(storage))
    answers = [asked.get(path) for path in ("/plain", "/own", "/own", "/plain", "/own", "/plain", "/roomy")]
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 429, 429, 200]
    assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["3", "2", "1", "0", "0", "0", "299"]
    assert 1 <= int(answers[4].headers["Retry-After"]) <= 60
    assert answers[4].text == f"4 requests in a minute reached; try again in {answers[4].headers['Retry-After']} s."
    assert "Retry-After" not in answers[0].headers


@pytest.mark.parametrize("path", ["/plain", "/own"])
def test_a_rate_that_is_written_twice_is_counted_once(path: str) -> None:
    """Three a minute, written twice, allow three."""
    asked = app("3 per minute; 3 per minute", Limits())
    assert [asked.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_what_has_no_client_or_no_route_is_not_counted() -> None:
    """Requests without a client and unknown paths are not refused, and their answers show no rates."""
    asked = app("1 per minute", Limits())
    for path, status in (("/nobody", 200), ("/nothing", 404)) * 3:
        answer = asked.get(path)
        assert (answer.status_code, "X-RateLimit-Limit" in answer.headers) == (status, False)
    assert [asked.get("/plain").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("unknown", "x" * 8000, True),
        ("", "192.0.2.1", False),
    ],
)
def test_guesses_are_counted_by_who_may_send_from_an_address(
    limits: Limits, first: str, second: str, together: bool
) -> None:
    """A /64 is one sender, IPv4 in IPv6 is IPv4, and everything that is not an address is one sender."""
    assert guesses(limits, first, WRONG_TOKENS.amount + 1) == [False] * WRONG_TOKENS.amount + [True]
    assert guesses(limits, second) == [together]


class Standing(MonotonicStorage):
    """A storage whose clock stands, by an address of its own: no window moves however long a test takes."""

    STORAGE_SCHEME = ["standing"]  # noqa: RUF012

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False) -> None:
        super().__init__(uri, wrap_exceptions, clock=lambda: 5.0)


def forged(number: int) -> str:
    """An address for each number, of IPv4 and IPv6 in turn."""
    high, low = divmod(number, 65536)
    return f"2001:db8:{high:x}:{low:x}::1" if number % 2 else f"10.{high}.{low >> 8}.{low & 255}"


def test_five_times_as_many_addresses_as_are_kept_hold_no_more_and_lift_no_limit() -> None:
    """Each, real or forged, sends a wrong token. One that had guessed too often before is still refused afterwards."""
    limits = Limits("standing://")
    limits.install(Flask("test"))
    limited = "198.51.100.7"
    guesses(limits, limited, WRONG_TOKENS.amount)
    tracemalloc.start()
    try:
        for number in range(1000):  # it slows all down
            limits.wrong_token(forged(number))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 1000 * WINDOW_BYTES
    held_windows = set()
    for number in range(1000, ADDRESSES):
        limits.wrong_token(forged(number))
        if number % 500 == 0:
            held_windows.add(limits.windows)
    assert MAX_WINDOWS // 2 < max(held_windows) <= MAX_WINDOWS
    assert guesses(limits, limited) == [True]
