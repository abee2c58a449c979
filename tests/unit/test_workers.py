"""What our workers decide by themselves: capacity, news, the shape of refusals, the app behind middleware."""

from __future__ import annotations

import errno
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest
from gunicorn.errors import AppImportError
from hypothesis import given
from hypothesis import strategies as st

from poslogs.servers.capacity import Capacity, capacity
from poslogs.servers.listeners import url
from poslogs.servers.news import News
from poslogs.servers.parts import parts_of
from poslogs.servers.refusal import in_our_shape
from tests.support.server import REPO


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (partial(capacity, 6000, 7000), Capacity(6000, 5800)),
        (partial(capacity, 6000, 7000, 100), Capacity(6000, 100)),
        (partial(capacity, 6000, 7000, direct=True), Capacity(1140, 5800)),
        (partial(capacity, 6000, 7000, threads=256), Capacity(6000, 240)),
        (partial(capacity, 6000, 120), Capacity(60, 45)),
        (partial(capacity, 6000, 120, 5000, direct=True), Capacity(15, 45)),
        (partial(capacity, 6000, 120, threads=256), Capacity(30, 23)),
        (partial(capacity, 6000, 60), Capacity(8, 4)),
        (partial(capacity, 6000, 7000, threads=4), Capacity(6000, 2)),
        (partial(capacity, 6000, 7000, threads=3), Capacity(6000, 1)),
        (partial(capacity, 6000, 7000, threads=2), Capacity(6000, 0)),
        (partial(capacity, 6000, 7000, threads=1), Capacity(6000, 0)),
        (partial(capacity, 6000, 7000, 5, threads=1), Capacity(6000, 0)),
    ],
)
def test_streams_leave_room_for_requests(asked: partial[Capacity], expected: Capacity) -> None:
    """This holds with plenty, few and hardly any descriptors, with greenlets, threads and direct streams."""
    assert asked() == expected


@given(
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.none() | st.integers(0, 10_000),
    st.none() | st.integers(0, 10_000),
    st.booleans(),
)
def test_no_capacity_is_below_nothing_and_none_is_all_that_serves(
    connections: int, files: int, streams: int | None, threads: int | None, direct: bool
) -> None:
    """Requests keep two threads or four connections, whatever is wished for and whatever there is."""
    found = capacity(connections, files, streams, threads=threads, direct=direct)
    assert found.streams >= 0
    assert found.connections > 0
    assert streams is None or found.streams <= streams
    assert found.streams <= (max(0, threads - 2) if threads is not None else max(8, connections) - 4)


def test_errors_of_clients_and_scarcity_are_no_news() -> None:
    """A lost network is not reported at all, scarcity once. Everything else is worth its traceback."""
    told: list[str] = []
    news = News(told.append)
    assert news.worth(ValueError())
    assert news.worth(OSError(errno.EACCES, "x"))
    assert not news.worth(OSError(errno.ETIMEDOUT, "x"))
    assert not news.worth(OSError(errno.EMFILE, "Too many open files"))
    assert not news.worth(OSError(errno.EMFILE, "Too many open files"))
    assert told == ["Too many open files"]


def test_a_refusal_of_gunicorn_keeps_its_status_and_nothing_else() -> None:
    """Its page of HTML may quote what a client sent."""
    html = b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html>secret</html>"
    assert in_our_shape(html) == (
        b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Content-Length: 63\r\n"
        b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        b'{"error": "Uri too long: the request could not be understood."}'
    )


def test_the_parts_are_found_behind_middleware_that_shows_what_it_wraps() -> None:
    """They are found in the app itself, an attribute or a bound method. A circle or a function gives a sentence."""

    class App:
        def __init__(self) -> None:
            self.extensions = {"poslogs": "parts"}

        def wsgi_app(self) -> None: ...

    circle = SimpleNamespace()
    circle.app = circle
    for app in (App(), SimpleNamespace(app=SimpleNamespace(wsgi_app=App())), SimpleNamespace(app=App().wsgi_app)):
        assert parts_of(app) == "parts"  # type: ignore[comparison-lookback]
    for app in (circle, lambda environ, start_response: [], SimpleNamespace(extensions=[])):
        with pytest.raises(AppImportError, match="wrap it as"):
            parts_of(app)


@pytest.mark.parametrize(
    ("address", "expected"),
    [(("127.0.0.1", 80), "http://127.0.0.1:80"), (("::1", 80, 0, 0), "http://[::1]:80"), ("/run/a", "unix:/run/a")],
)
def test_a_listener_has_an_address_that_can_be_pasted(address: object, expected: str) -> None:
    """This holds for IPv4, IPv6 and Unix sockets."""
    assert url(address) == expected


def test_the_master_imports_nothing_of_poslogs_that_a_reload_should_renew() -> None:
    """What gunicorn's master has imported stays as it was until a restart."""
    code = "import sys, poslogs.servers.gunicorn; print(*sorted(n for n in sys.modules if n.startswith('poslogs')))"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert {name for name in run.stdout.split() if not name.startswith("poslogs.servers")} == {"poslogs"}
