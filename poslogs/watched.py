"""A watched file: read at the start and again when it changes; its last good value is kept."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import orjson

from poslogs.errors import ConfigError
from poslogs.utf8 import NotUtf8, text_of

log = logging.getLogger("poslogs.files")
T = TypeVar("T")

MAX_FILE_BYTES = 4 * 1024 * 1024
_LATER = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # not the file's fault: the change is read later


class WatchedFile(Generic[T]):
    """A JSON file and the value that `parse` makes of it.

    `refresh` costs one stat while nothing changes. A change that cannot be read or parsed is logged once, and the last
    good value stays. Only the constructor raises ConfigError. Only a regular file of up to MAX_FILE_BYTES is read: a
    pipe or a device in its place would be waited for.
    """

    def __init__(self, path: Path, parse: Callable[[object], T]) -> None:
        self.path = path
        self._parse = parse
        self._lock = Lock()
        self._reading = False  # one thread reads the file; the others use the last value
        self._told = ""
        self._seen = self._signature()
        self.value: T = self._read()

    def refresh(self) -> bool:
        """Read the file again if it has changed; True when there is a new value."""
        signature = self._signature()
        if signature == self._seen:
            return False
        with self._lock:
            if self._reading or signature == self._seen:
                return False
            self._reading = True
        try:
            self.value = self._read()
            self._seen = signature
            self._told = ""
        except ConfigError as error:
            if getattr(error.__context__, "errno", None) not in _LATER:
                self._seen = signature
            if str(error) != self._told:
                self._told = str(error)
                log.error("%s The last good one stays in use.", error)
            return False
        finally:
            self._reading = False
        log.info("%s was read again.", self.path)
        return True

    def peek(self) -> T:
        """What the file holds at this moment, whoever reads it meanwhile; `value` stays. Raises ConfigError."""
        return self._read()

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            seen = os.stat(self.path)
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino

    def _read(self) -> T:
        try:
            with open(self.path, "rb", opener=_open_regular) as file:
                text = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read ({(error.strerror or 'unknown reason').lower()}).") from None
        if len(text) > MAX_FILE_BYTES:
            raise ConfigError(f"{self.path} is larger than {MAX_FILE_BYTES} bytes.")
        try:
            decoded = text_of(text)
        except NotUtf8 as error:
            raise ConfigError(f"{self.path} is not valid JSON: it {error}; save it as UTF-8.") from None
        if not decoded.strip():
            raise ConfigError(f"{self.path} is empty; it must hold a JSON object.")
        try:
            value = orjson.loads(decoded)
        except orjson.JSONDecodeError as error:
            raise ConfigError(f"{self.path} is not valid JSON (line {error.lineno}, column {error.colno}).") from None
        try:
            return self._parse(value)
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        except RecursionError:
            raise ConfigError(f"{self.path} holds lists or objects that are nested too deeply.") from None


def _open_regular(path: str, flags: int) -> int:
    """A descriptor of a regular file, opened without waiting. Raises OSError."""
    _refuse_irregular(os.stat(path).st_mode)  # before opening it, which alone may wake a device or a pipe's writer
    descriptor = os.open(path, flags | _NO_WAIT)
    try:
        _refuse_irregular(os.fstat(descriptor).st_mode)  # the file may have been replaced since
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_irregular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "something else")
        raise OSError(errno.EINVAL, f"is {kind}; put a regular file there")


_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
