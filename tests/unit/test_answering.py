"""What the answer to a call promises: whole JSON or none, and everything is given back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from poslogs.access.calls import Calls
from poslogs.access.clients import Client
from poslogs.doors.admission import HELD
from poslogs.doors.answering import Answering, beginning
from poslogs.errors import Unavailable
from poslogs.servers.liveness import Disconnects
from poslogs.servers.sockets import Connection
from poslogs.streaming.answer import PIECE_BYTES
from poslogs.supervisor import Supervisor

ONE, OTHER = Client("one", "one", b""), Client("other", "other", b"")


def answering() -> Answering:
    return Answering(ONE, Connection({}), 60.0)


def text(body: bytes) -> str:
    (content,) = json.loads(body)["content"]
    assert content["type"] == "text"
    told = content["text"]
    assert isinstance(told, str)
    return told


def test_a_short_answer_tells_its_length() -> None:
    """A short answer is one piece."""
    one = answering()
    length = one.begin(iter([b'{"logs":["a\\"\\u0000\xc3\xbc"]}']))
    body = b"".join(one)
    assert len(body) == length
    assert text(body) == '{"logs":["a\\"\\u0000ü"]}'


def test_a_long_answer_is_written_piece_by_piece() -> None:
    """The next piece is made once the one before has gone."""
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number, piece in enumerate((b'["' + b"x" * PIECE_BYTES, b"y" * PIECE_BYTES, b'"]')):
            made.append(number)
            yield piece

    one = answering()
    assert one.begin(pieces()) is None
    assert made == [0]
    body = b""
    for count, data in enumerate(one):
        assert len(made) == min(count + 1, 3)
        body += data
    assert text(body) == '["' + "x" * PIECE_BYTES + "y" * PIECE_BYTES + '"]'


def test_an_answer_that_fails_on_its_way_never_looks_whole() -> None:
    """It raises, so that the server breaks it off. What was sent is not JSON."""

    def pieces() -> Iterator[bytes]:
        yield b"x" * PIECE_BYTES
        raise RuntimeError("a fault of ours")

    one = answering()
    one.begin(pieces())
    got: list[bytes] = []
    with pytest.raises(RuntimeError, match="a fault of ours"):
        got.extend(one)
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(b"".join(got))


def test_all_is_given_back_once_however_it_ends() -> None:
    """Begun or not, read or not, it gives all back, and the place is free."""
    calls = Calls(1, 1)
    begin = beginning(calls, Disconnects(Supervisor()), 60.0)
    for read in (False, True):
        environ: dict[str, object] = {}
        one = begin(ONE, environ)
        assert environ[HELD] == [one]
        assert calls.open == 1
        with pytest.raises(Unavailable, match="for this client: 1"):
            begin(ONE, {})
        if read:
            one.begin(iter([b"x" * PIECE_BYTES, b"y"]))
            next(iter(one))
        one.close()
        one.close()
        assert calls.open == 0


def test_a_place_is_refused_when_there_is_none() -> None:
    """Places are bounded for each client and in all. The refusal says when to try again."""
    calls = Calls(1, 2)
    back = calls.take(ONE)
    with pytest.raises(Unavailable, match="for this client: 1"):
        calls.take(ONE)
    calls.take(OTHER)
    with pytest.raises(Unavailable, match="as many calls under way as it may have") as full:
        calls.take(Client("third", "third", b""))
    assert full.value.headers == {"Retry-After": "5"}
    back()
    back()
    assert calls.open == 1
    calls.take(ONE)
