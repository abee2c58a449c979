"""Failures of a poll: why no answer came, and how long to wait before the next."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

MAX_RETRY_AFTER: Final = 300.0  # seconds; a longer pause that platformOS asks for is shortened to this


def retry_after(text: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds of a Retry-After header in either form (RFC 9110, section 10.2.3), 0 to MAX_RETRY_AFTER."""
    if not text:
        return None
    try:
        seconds = float(text) if text.strip().isdigit() else parsedate_to_datetime(text).timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def reason_of(error: Exception) -> str:
    """Why no answer came, as the end of a sentence that begins with "environment staging"; it holds no token."""
    text = repr(error)
    for sign, reason in _REASONS:
        if sign in text:
            return reason
    return "could not be reached"


def untangle(error: BaseException) -> None:
    """Have an error, and those that it came from, let go of the connection on which they happened.

    The frames of urllib3 in their tracebacks hold the errors themselves and the pool. Only Python's collector would end
    such a circle, at a moment of its own: deep inside another parser there is no room to close a pool, and the
    interpreter writes a traceback about it into the log.
    """
    found: BaseException | None = error
    while found is not None:
        traceback.clear_frames(found.__traceback__)
        found.__traceback__ = None
        found = found.__cause__ or found.__context__


_REASONS: Final = (
    ("NameResolution", "has an address that no name server knows"),
    ("CERTIFICATE", "has a certificate that is not valid"),
    ("SSL", "could not agree on TLS"),
    ("refused", "refused the connection"),
    ("imed out", "did not answer in time"),
    ("reset", "reset the connection"),
    ("RemoteDisconnected", "closed the connection"),
    ("IncompleteRead", "broke off its answer"),
    ("decod", "sent an answer that cannot be decompressed"),
)
