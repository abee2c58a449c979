"""What admission promises: a stream that reaches no client gives back what it has."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, Response

from poslogs.app import Parts, create_app
from poslogs.settings import Settings
from poslogs.streaming.reason import Reason
from tests.support.server import CLIENTS, TOKEN
from tests.unit.loops import ended

ASKED = {"tool": "platformos.logs.stream", "input": {"env": "staging"}}
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module", autouse=True)
def files_are_not_followed_on() -> Iterator[None]:
    """The apps of these tests, which open streams, would follow their files for as long as this process runs."""
    with ended("files"):
        yield


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The app, with its demo."""
    (tmp_path / "clients.json").write_text(json.dumps(CLIENTS))
    found = {"CONFIG_FILE_PATH": "", "POSLOGS_CLIENTS_FILE": str(tmp_path / "clients.json")}
    return create_app(Settings.read(found))


def parts(app: Flask) -> Parts:
    found = app.extensions["poslogs"]
    assert isinstance(found, Parts)
    return found


def fail(_: Response) -> Response:
    """Have what comes after the route fail."""
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/call-stream", ASKED),
        (
            "/mcp",
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "platformos_logs_live", "arguments": {"env": "staging"}},
            },
        ),
    ],
)
def test_a_stream_whose_answer_became_an_error_gives_its_slot_back(app: Flask, path: str, body: object) -> None:
    """Something fails between the route and the server, which never hears of the stream."""
    app.after_request(fail)
    answer = app.test_client().post(path, json=body, headers=HEADERS)
    assert answer.status_code == 500
    assert parts(app).slots.open == 0


def test_a_stream_whose_answer_cannot_begin_gives_its_slot_back(app: Flask) -> None:
    """The server refuses one of its headers."""

    def refuse(*_: object) -> None:
        raise ValueError

    environ = app.test_request_context("/call-stream", method="POST", json=ASKED, headers=HEADERS).request.environ
    with pytest.raises(ValueError):  # noqa: PT011 - the server's own
        app.wsgi_app(environ, refuse)
    assert parts(app).slots.open == 0


def test_a_stream_that_was_handed_over_keeps_its_slot_until_it_is_closed(app: Flask) -> None:
    """Nothing else gives the slot back."""
    threads = {"wsgi.multithread": True}
    answer = app.test_client().post("/call-stream", json=ASKED, headers=HEADERS, environ_overrides=threads)
    assert answer.status_code == 200
    assert parts(app).slots.open == 1
    answer.close()
    assert parts(app).slots.open == 0


def test_a_stream_that_is_cut_off_for_what_it_holds_knows_why(app: Flask) -> None:
    """Else its end would look like a reader's leaving."""
    threads = {"wsgi.multithread": True}
    answer = app.test_client().post("/call-stream", json=ASKED, headers=HEADERS, environ_overrides=threads)
    stream = parts(app).slots.all()[0].holder
    stream.cut_off()
    answer.close()
    assert stream.reason is Reason.CUT


class Revoking:
    """A body that takes a while: its client's token is revoked as it is read."""

    def __init__(self, text: bytes, revoke: Callable[[], None]) -> None:
        self._body = io.BytesIO(text)
        self._revoke = revoke

    def read(self, size: int = -1) -> bytes:
        """Some of it."""
        self._revoke()
        return self._body.read(size)


def test_a_token_that_is_revoked_while_its_stream_is_let_in_opens_nothing(app: Flask, tmp_path: Path) -> None:
    """Between the look at the token and the moment from which the stream is among those that a change ends."""

    def revoke() -> None:
        (tmp_path / "clients.json").write_text(json.dumps({"other": {"token": "another-token-of-another"}}))
        parts(app).runtime.refresh()

    text = json.dumps(ASKED).encode()
    asked = {"wsgi.multithread": True, "wsgi.input": Revoking(text, revoke), "CONTENT_LENGTH": str(len(text))}
    answer = app.test_client().post(
        "/call-stream", headers={**HEADERS, "Content-Type": "application/json"}, environ_overrides=asked
    )
    assert answer.status_code == 200
    assert "This token was revoked; use another." in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    assert parts(app).slots.open == 0
