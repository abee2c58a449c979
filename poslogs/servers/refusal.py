"""Refusals of gunicorn itself, of requests that never reach the app, in the shape of the app's own."""

from __future__ import annotations

import json
from typing import Any, Final

from gunicorn.http.errors import InvalidHeader
from gunicorn.util import write_nonblock

READ_HERE: Final = ("Authorization", "Content-Type", "Accept", "Last-Event-ID", "MCP-Protocol-Version")


class RefusedClient:
    """A client's socket, given to gunicorn for its answer to a request that it cannot read.

    gunicorn writes a page of HTML with a message that may quote a header. The client gets the same status, and JSON
    without that message. Everything but `sendall` and `gettimeout` is the socket's own.
    """

    def __init__(self, client: Any, error: BaseException | None = None) -> None:
        self._client = client
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def gettimeout(self) -> float:
        """0, as for a socket that never waits: gunicorn then leaves its mode to `sendall`."""
        return 0.0

    def sendall(self, answer: bytes) -> None:
        """Send our answer in place of gunicorn's."""
        write_nonblock(self._client, in_our_shape(answer, self._error))


def too_many() -> bytes:
    """The answer to a connection beyond those that its address may have."""
    return _answer(
        "HTTP/1.1 503 Service Unavailable",
        "Too many connections from this address; close some, or try again in a moment.",
        "Retry-After: 1\r\n",
    )


def in_our_shape(answer: bytes, error: BaseException | None = None) -> bytes:
    """An answer with the status line of `answer`, and one JSON sentence; `error` is what gunicorn found wrong."""
    status = answer.split(b"\r\n", 1)[0].decode("latin-1")  # HTTP/1.1 400 Bad Request
    reason = status.split(" ", 2)[2]
    return _answer(status, _sentence(error) or f"{reason.capitalize()}: the request could not be understood.")


def _answer(status: str, sentence: str, more: str = "") -> bytes:
    body = json.dumps({"error": sentence}).encode()
    head = (
        f"{status}\r\nConnection: close\r\n{more}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode("latin-1") + body


def _sentence(error: BaseException | None) -> str:
    """What is wrong with a header that clients set by hand (READ_HERE); "" for everything else."""
    # gunicorn's name of the header may be a whole line with a token in it, so only known names are repeated.
    found = str(error.hdr) if isinstance(error, InvalidHeader) and error.req is None else ""
    name = next((name for name in READ_HERE if name.upper() == found), None)
    if name is None:
        return ""
    return (
        f"The header {name} has a control character, such as the carriage return (\\r) of a token from a file with "
        "Windows line ends; remove it, as with tr -d '\\r'."
    )
