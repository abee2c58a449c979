"""Discretion: filters that keep tokens out of log lines, and limit how many lines of one kind appear.

Strangers write what they like into requests, and clients send tokens where they do not belong: in a header without its
colon, as a user's name, in an address. A line that quotes a request is cut before the quotation. What looks like a
token is hidden by its form, and a valid token by its value.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import unquote

HIDDEN: Final = "[hidden]"
MOST_CHARACTERS: Final = 4000  # of a message; a traceback may have ten times as many
MOST_TOKEN: Final = 4096  # characters; no token is longer (access/client.py)
LEAST_TOKEN: Final = 6  # characters; shorter words are too common to hide
MOST_LINES: Final = 20  # of one kind in SPAN_SECONDS
SPAN_SECONDS: Final = 60.0
MOST_KINDS: Final = 64
KIND: Final = 20  # lines that begin with the same 20 characters are of one kind

# gunicorn's lines that quote what a client has sent.
_QUOTING: Final = ("Invalid request from ip=", "Ignored premature client disconnection", "Invalid PROXY")
_QUOTATION: Final = re.compile(r"b?['\"].*", re.DOTALL)

# `Authorization` and all that follows, up to the end of a quotation or a line.
_HEADER: Final = re.compile(r"(?i)((?:proxy-)?authorization)(?!\s*$)[^\r\n'\"]+")
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)((?:[\s:=+]|%20|%3a)+)([^\s'\",;<>]+)")
_NAMED: Final = re.compile(
    r"(?i)((?:token|secret|password|passwd|api[_-]?key)[\"']?(?:\s*[:=]\s*|%3[ad]\s*)[\"']?)([^\s'\",;&<>…]+)"
)
_WORD: Final = re.compile(rf"[^\s'\"<>]{{{LEAST_TOKEN},}}")
_SEPARATORS: Final = re.compile(r"[?&,;#()\[\]{}|\\:@]")
_PARTS: Final = re.compile(r"[/=]")
_SIGNS: Final = re.compile(rf"{_SEPARATORS.pattern}|{_PARTS.pattern}")
MOST_SIGNS: Final = 64  # in a word; in one that has more, only the parts between signs are checked


class Discretion(logging.Filter):
    """A filter for loggers and handlers: it hides tokens in messages and tracebacks, and lets every record through.

    `is_token` says whether a word is a valid token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_token: Callable[[str], bool] = lambda _: False

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide tokens in a record; always True."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit: logging itself reports that, without them
            return True
        hidden = self.hide(message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        if record.exc_info and not record.exc_text:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_text = self.hide(text, 10 * MOST_CHARACTERS)
        return True

    def hide(self, text: str, most: int = MOST_CHARACTERS) -> str:
        """The text without tokens, cut after `most` characters."""
        if text.startswith(_QUOTING):
            text = _QUOTATION.sub("", text).rstrip(" :")
        size = len(text)
        text = text[: most + MOST_TOKEN]  # no token is cut in two
        text = _HEADER.sub(rf"\1 {HIDDEN}", text)
        text = _SCHEME.sub(rf"\1\2{HIDDEN}", text)
        text = _NAMED.sub(rf"\1{HIDDEN}", text)
        text = _WORD.sub(self._hide_known, text)
        return text if size <= most else f"{text[:most]}… ({size - most} characters more)"

    def _hide_known(self, found: re.Match[str]) -> str:
        word = found[0]
        for candidate in _candidates(word):
            if len(candidate) >= LEAST_TOKEN and (self.is_token(candidate) or self.is_token(unquote(candidate))):
                word = word.replace(candidate, HIDDEN)
        return word


class Restraint(logging.Filter):
    """A filter that lets MOST_LINES records of a kind through in SPAN_SECONDS, and says how many it left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}  # when its span began (monotonic), and its records since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether one more record of this kind is let through; CRITICAL always is."""
        if record.levelno >= logging.CRITICAL:
            return True
        kind, now = str(record.msg)[:KIND], time.monotonic()
        with self._lock:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds = {it: seen for it, seen in self._kinds.items() if now - seen[0] < SPAN_SECONDS}
            if len(self._kinds) >= MOST_KINDS and kind not in self._kinds:
                kind = ""  # all other kinds share one
            since, count = self._kinds.get(kind, (now, 0))
            over = now - since >= SPAN_SECONDS
            kept = count - MOST_LINES if over else 0
            self._kinds[kind] = (now, 1) if over else (since, count + 1)
        if kept > 0:
            record.msg, record.args = f"{record.getMessage()} ({kept} more like it were left out)", ()
        elif not over and count + 1 == MOST_LINES:
            record.msg, record.args = f"{record.getMessage()} (more like it are left out for a minute)", ()
        return over or count < MOST_LINES


class DiscreetAtoms:
    """A mixin for gunicorn's atoms of an access line: neither the user's name nor credentials are in any of them.

    poslogs has no users with names, so a name that comes with `Basic` is a token in the wrong place.
    """

    def __getitem__(self, key: str) -> Any:
        if key == "u":
            return "-"
        value = super().__getitem__(key)  # type: ignore[misc]
        if not isinstance(value, str) or value == "-":
            return value
        if "authorization" in key.lower() or "cookie" in key.lower():
            return HIDDEN
        for secret in _credentials(super().__getitem__("{authorization}i")):  # type: ignore[misc]
            value = value.replace(secret, HIDDEN)
        return value


def make_discreet(logger: Any, *, restrained: bool = True) -> None:
    """Hide tokens in a logger's records. `restrained`: let few of a kind through, as strangers can cause them."""
    logger.addFilter(DISCRETION)
    if restrained:
        logger.addFilter(Restraint())


def make_access_discreet(log: Any) -> None:
    """Hide credentials in the access lines of gunicorn's logger, whatever its class."""
    log.access_log.addFilter(DISCRETION)
    theirs = log.atoms_wrapper_class
    if not issubclass(theirs, DiscreetAtoms):
        log.atoms_wrapper_class = type("DiscreetAtoms", (DiscreetAtoms, theirs), {})


def _candidates(word: str) -> Iterator[str]:
    """The parts of a word that may be a token: the whole, what is between signs, and what follows a slash or `=`."""
    yield word
    if len(pieces := _SIGNS.split(word)) > MOST_SIGNS:
        yield from pieces
        return
    for segment in _SEPARATORS.split(word):
        for text in (segment, segment.rstrip(".,")):
            yield text
            yield from (text[found.end() :] for found in _PARTS.finditer(text))
            yield from _PARTS.split(text)


def _credentials(header: str) -> Iterator[str]:
    """The secrets of an Authorization header, encoded and decoded."""
    for word in re.split(r"[\s,]+", header):
        if len(word) < LEAST_TOKEN or word.lower() in ("bearer", "basic"):
            continue
        yield word
        try:
            decoded = base64.b64decode(word, validate=True).decode()
        except (binascii.Error, ValueError):
            continue
        yield from (part for part in decoded.split(":") if len(part) >= LEAST_TOKEN)


DISCRETION: Final = Discretion()  # of this process
