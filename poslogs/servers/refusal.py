"""Refusals of gunicorn itself: what it does not let through to the app has the app's shape all the same."""

from __future__ import annotations

import json
from typing import Any

from gunicorn.util import write_nonblock


class Refused:
    """A client's socket, given to gunicorn for its answer to a request that it cannot read.

    gunicorn writes a page of HTML with a message that may quote a header. The client gets the same status as JSON,
    with nothing of that message. Everything but `sendall` is the socket's own.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def gettimeout(self) -> float:
        """As one that never waits: gunicorn then leaves its mode alone, which `sendall` changes itself."""
        return 0.0

    def sendall(self, answer: bytes) -> None:
        """Send our answer in place of gunicorn's."""
        write_nonblock(self._client, in_our_shape(answer))


def too_many() -> bytes:
    """What a connection beyond those of its address is told."""
    return _answer(
        "HTTP/1.1 503 Service Unavailable",
        "Too many connections from this address; close some, or try again in a moment.",
        "Retry-After: 1\r\n",
    )


def in_our_shape(answer: bytes) -> bytes:
    """An answer with the status line of `answer`, and one JSON sentence."""
    status = answer.split(b"\r\n", 1)[0].decode("latin-1")  # HTTP/1.1 400 Bad Request
    reason = status.split(" ", 2)[2]
    return _answer(status, f"{reason.capitalize()}: the request could not be understood.")


def _answer(status: str, sentence: str, more: str = "") -> bytes:
    body = json.dumps({"error": sentence}).encode()
    head = (
        f"{status}\r\nConnection: close\r\n{more}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body
