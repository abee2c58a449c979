"""The stand-in of platformOS, and the smaller tools of the tests, do what the tests rely on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.guide import blocks_of
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.rows import MISSING
from tests.support.server import Server

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(platformos: PlatformOS) -> Iterator[Ask]:
    """Ask the stand-in as platformOS is asked."""
    with requests.Session() as session:
        session.trust_env = False

        def asking(last_id: object = 0, token: str = "pos-token", **kw: object) -> requests.Response:
            headers = {"Authorization": f"Token {token}"}
            url = f"{platformos.url}/api/app_builder/logs?last_id={last_id}"
            return session.get(url, headers=headers, allow_redirects=False, **{"timeout": 5, **kw})  # type: ignore[arg-type]

        yield asking


def test_the_stand_in_gives_the_rows_above_the_id_a_page_at_a_time(platformos: PlatformOS, ask: Ask) -> None:
    """Of seven rows in pages of three the right ids come, and each question is recorded."""
    assert platformos.add({"error_type": "LiquidError"}, {"message": "two", "error_type": MISSING}) == [1, 2]
    platformos.add_many(5, message="many")
    platformos.page = 3
    first, second = ask(0).json()["logs"], ask(3).json()["logs"]
    assert [row["id"] for row in first + second] == [1, 2, 3, 4, 5, 6]
    assert first[0]["message"] == "row 1"
    assert first[0]["error_type"] == "LiquidError"
    assert "error_type" not in first[1]
    assert [request.last_id for request in platformos.requests] == ["0", "3"]
    assert platformos.requests[0].headers["authorization"] == "Token pos-token"
    assert (platformos.connections, platformos.max_in_flight) == (1, 1)
    assert ask(token="wrong").status_code == 401


def test_a_late_row_a_stray_one_and_a_restored_backup_are_told_as_they_are(platformos: PlatformOS, ask: Ask) -> None:
    """Row 4 becomes visible after row 5, a text is in the place of a row, and ids are reset and given out again."""
    platformos.add({"id": 3}, {"id": 5})
    assert platformos.reveal({"id": 4, "message": "late"}) == 4
    assert [row["id"] for _, row in platformos.listed] == [3, 5, 4]
    platformos.stray("no row")
    assert ask(3).json()["logs"][1:] == [platformos.rows[5], "no row"]
    platformos.restore(3)
    assert platformos.add({}) == [4]
    assert platformos.ids == ["3", "4"]


@pytest.mark.parametrize(
    ("kind", "options", "sign"),
    [
        ("status", {"status": 503, "headers": {"Retry-After": "7"}}, lambda a: a.headers["Retry-After"] == "7"),
        ("raw", {"body": b"<html>"}, lambda a: (a.status_code, a.content) == (200, b"<html>")),
        ("raw", {"raw": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"}, lambda a: a.content == b""),
        ("redirect", {"location": "http://example.com/"}, lambda a: a.headers["Location"] == "http://example.com/"),
        ("slow", {"seconds": 0.2}, lambda a: a.json() == {"logs": []} and a.elapsed.total_seconds() > 0.19),
    ],
)
def test_faults_that_answer_do_so_as_often_as_told(
    platformos: PlatformOS, ask: Ask, kind: str, options: dict[str, Any], sign: Callable[[requests.Response], bool]
) -> None:
    """The fault comes twice, then the right answer. It has the two requests that met it, and no other."""
    assert ask().json() == {"logs": []}
    fault = platformos.fail(kind, times=2, **options)
    assert all(sign(ask()) for _ in range(2))
    assert ask().json() == {"logs": []}
    assert fault.met == platformos.requests[1:3]
    assert platformos.met(fault, 2) is platformos.requests[2]
    assert platformos.after(fault.met[1]) is platformos.requests[3]


@pytest.mark.parametrize("kind", ["hang", "reset", "drip_headers", "refuse"])
def test_faults_that_do_not_answer_end_with_heal(platformos: PlatformOS, ask: Ask, kind: str) -> None:
    """There is no answer while the fault lasts, then the right one, at the same port, and nothing is in flight."""
    assert ask().status_code == 200
    platformos.fail(kind, None, **({"seconds": 1} if kind == "drip_headers" else {}))
    with pytest.raises(requests.RequestException):
        ask(timeout=0.3)
    if kind != "refuse":
        platformos.wait_for_requests(2)  # it may be read only after the client has gone
    platformos.wait_until(lambda: platformos.in_flight == 0)
    platformos.heal()
    assert ask().json() == {"logs": []}
    assert platformos.max_in_flight == 1


def test_a_request_that_hangs_is_answered_when_healed(platformos: PlatformOS, ask: Ask) -> None:
    """The answer that was held back is right for the later moment."""
    platformos.fail("hang", times=1)
    answers: list[requests.Response] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    platformos.wait_for_requests(1)
    platformos.add({})
    platformos.heal()
    thread.join(5)
    assert [row["id"] for row in answers[0].json()["logs"]] == [1]


@pytest.mark.parametrize(("kind", "least"), [("drip", 3), ("huge", 1 << 22)])
def test_bodies_without_an_end_go_on(platformos: PlatformOS, ask: Ask, kind: str, least: int) -> None:
    """More and more bytes come, until the client leaves."""
    platformos.fail(kind, None, **({"seconds": 0.01} if kind == "drip" else {}))
    got = 0
    with closing(ask(stream=True)) as answer:
        while got < least:
            got += len(answer.raw.read(1 if kind == "drip" else 65536))
    platformos.wait_until(lambda: platformos.in_flight == 0)


def test_unknown_faults_and_vain_waits_are_told(platformos: PlatformOS) -> None:
    """A typing error in a test fails at once, and a wait ends with what did arrive."""
    with pytest.raises(ValueError, match="no fault 'hangs'"):
        platformos.fail("hangs")
    with pytest.raises(AssertionError, match="0 requests came"):
        platformos.wait_for_requests(1, timeout=0.05)


def test_a_server_that_ends_at_once_is_told_with_its_output(tmp_path: Path) -> None:
    """A test sees the reason at once, not after the deadline."""
    with pytest.raises(AssertionError, match="unrecognized arguments: --no-such-option"):
        Server(tmp_path, args=["--no-such-option"])


def test_what_is_missing_skips_here_and_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names what to install."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="pip install"):
        need("no_such_module")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="pip install"):
        need("no_such_module")


def test_blocks_are_found_with_their_headings() -> None:
    """A `#` inside a block is not a heading; a fence without a language is a block too."""
    text = "# One\n\n```bash\n# not a heading\nls\n```\n## Two\n```\nplain\n```\n"
    blocks = blocks_of(text)
    assert [(block.language, block.heading, block.code) for block in blocks] == [
        ("bash", "One", "# not a heading\nls\n"),
        ("", "Two", "plain\n"),
    ]
