"""The body of a request: read within bounds of size and time, and parsed strictly."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from flask import Request, g

from poslogs.deadlines import DEADLINES
from poslogs.errors import BadInput, BodyLate, BodyTooLarge, NotJson
from poslogs.servers.sockets import Connection
from poslogs.servers.visit import close_after, leaves_body, reading
from poslogs.utf8 import NotUtf8, text_of

MAX_BYTES: Final = 64 * 1024  # no tool takes nearly so much
MAX_SECONDS: Final = 10.0  # for the whole body
MAX_DISCARDED: Final = 16 * 1024 * 1024  # read and thrown away, so that a client hears why it is refused
# What shells and editors make of a JSON object.
_UNQUOTED: Final = re.compile(r"\{\s*(tool|input|jsonrpc|method|id|params)\s*:")
_CURLY: Final = re.compile(r"\{\s*[“”„‘’]")


def read(request: Request) -> bytes:
    """The body, whole, for `parse`. Raises BodyLate, BodyTooLarge, NotJson or BadInput."""
    if request.mimetype not in ("application/json", ""):
        raise NotJson("The body must be JSON: send Content-Type: application/json.")
    if (request.content_length or 0) > MAX_BYTES:
        raise BodyTooLarge(f"The body is larger than {MAX_BYTES >> 10} KiB; no tool takes so much.")
    body, late = _read(request, MAX_BYTES + 1)
    if late:
        raise BodyLate(f"The body did not come within {MAX_SECONDS:g} s; send it at once.")
    if len(body) > MAX_BYTES:
        raise BodyTooLarge(f"The body is larger than {MAX_BYTES >> 10} KiB; no tool takes so much.")
    if request.content_length is not None and len(body) < request.content_length:
        raise BadInput("The body is shorter than its Content-Length.")
    g.body_read = True
    return body


def parse(body: bytes) -> dict[str, Any]:
    """A JSON object, read as strictly as `value` does. Raises BadInput."""
    found = value(body)
    if not isinstance(found, dict):
        raise BadInput('The body must be a JSON object such as {"tool": "…", "input": {…}}.')
    return found


def value(body: bytes) -> Any:
    """A JSON value without duplicate keys, NaN or numbers beyond a double (RFC 8259). Raises BadInput."""
    try:
        text = text_of(body)
    except NotUtf8 as error:
        raise BadInput(f"The body is not valid JSON: it {error}; send it as UTF-8.") from None
    try:
        found = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput("The body has half of a surrogate pair, which is not a character.") from None
    except (ValueError, RecursionError):
        _explain(text.strip())
        raise BadInput("The body is not valid JSON: send one object, as UTF-8.") from None
    return found


def _explain(text: str) -> None:
    """Raises BadInput where a shell or an editor has visibly changed what was meant as JSON."""
    if text.startswith("'"):
        raise BadInput(
            "The body is not valid JSON: it begins with a single quote, as cmd.exe passes it on; "
            'there put double quotes around the body and write \\" for those inside, or send a file: -d @body.json.'
        )
    if '"' not in text and _UNQUOTED.match(text):
        raise BadInput(
            "The body is not valid JSON: it has lost its double quotes, as in PowerShell and cmd.exe; "
            'write \\" for each of them, or send a file: -d @body.json.'
        )
    if _CURLY.match(text):
        raise BadInput(
            'The body is not valid JSON: it has curly quotes, as word processors write them; JSON takes " alone.'
        )


def discard(request: Request) -> None:
    """Read and drop a body that no route has read, within bounds; a client that sends more is cut off."""
    unread = request.content_length or request.environ.get("HTTP_TRANSFER_ENCODING")
    if not unread or g.get("body_read"):
        return
    g.body_read = True
    if leaves_body(request.environ):
        return
    try:
        body, late = _read(request, MAX_DISCARDED, keep=False)
    except BadInput:
        late = True
    if late or body:
        Connection(request.environ).stop_reading()


def _read(request: Request, most: int, *, keep: bool = True) -> tuple[bytes, bool]:
    """Up to `most` bytes, and whether their time was up; with keep=False bytes only if there were `most` or more."""
    environ = request.environ  # here, since `cut` runs in another thread
    connection = Connection(environ)
    late = False

    def cut() -> None:
        nonlocal late
        late = True
        close_after(environ)  # what may still come is not a request
        connection.stop_reading()

    kept = bytearray()
    count = 0
    try:
        with reading(request.environ), DEADLINES.within(MAX_SECONDS, cut):
            while count < most and (piece := request.stream.read(min(65536, most - count))):
                count += len(piece)
                if keep:
                    kept += piece
    except Exception:  # a server raises errors of its own for a body that is not well formed
        if not late:
            raise BadInput("The body broke off, or is not well formed.") from None
    if not keep:
        return (b"more" if count >= most else b""), late
    return bytes(kept), late


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadInput("The body names a key twice; name each once.")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
