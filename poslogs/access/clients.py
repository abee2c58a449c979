"""The clients: those of clients.json, followed while it changes, by their tokens."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from poslogs.access.client import Client, parse, published_of
from poslogs.errors import ConfigError
from poslogs.watched import WatchedFile

__all__ = ["Client", "Clients"]

log = logging.getLogger("poslogs.files")


class Clients:
    """The clients of clients.json, followed while it changes. Raises ConfigError at the start.

    While there is no file at `path`, the clients are the published ones of `first`, the file that comes with poslogs.
    Other tokens in that file may belong to the person who built the package.
    """

    def __init__(self, path: Path, first: Path | None = None) -> None:
        self._path = path
        if first is None or first == path or path.exists():
            self._file = WatchedFile(path, parse)
        else:
            self._file = WatchedFile(first, published_of)
        self._tried = 0  # when an unusable file that appeared was written: nanoseconds since 1970
        self._run: Client | None = None

    @property
    def path(self) -> Path:
        """The file they are read from."""
        return self._file.path

    def refresh(self) -> bool:
        """Read the file again if it has changed, or `path` once it appears; True when something changed."""
        if self._file.path == self._path or not self._path.exists():
            return self._file.refresh()
        with suppress(OSError):
            if (written := self._path.stat().st_mtime_ns) == self._tried:
                return False
            self._tried = written
        try:
            self._file = WatchedFile(self._path, parse)
        except ConfigError as error:
            log.error("%s %s stays in use.", error, self._file.path)
            return False
        log.info("%s is there now, and in use.", self._path)
        return True

    def all(self) -> Mapping[bytes, Client]:
        """The clients of the file by the digest of their token."""
        return self._file.value

    @property
    def only_published(self) -> bool:
        """Whether no client of the file has a token of its own."""
        return all(client.published for client in self._file.value.values())

    @property
    def has_run(self) -> bool:
        """Whether `let_in` has accepted a token besides those of the file."""
        return self._run is not None

    def let_in(self, token: str) -> None:
        """Accept this token too while the process lives, for one more client with the default limits."""
        self._run = Client("(this run)", "The token of this run", sha256(token.encode()).digest())

    def holder(self, token: bytes) -> Client | None:
        """The client that holds this token; None for an unknown token.

        It is found by the token's SHA-256, no part of which a caller can choose, and the digests are compared in
        constant time.
        """
        digest = sha256(token).digest()
        client = self._of(digest)
        return client if client is not None and hmac.compare_digest(client.digest, digest) else None

    def still(self, client: Client) -> Client | None:
        """The client as the file has it now; None when its token is not valid any more."""
        now = self._of(client.digest)
        return now if now is not None and now.id == client.id else None

    def _of(self, digest: bytes) -> Client | None:
        run = self._run
        return self._file.value.get(digest) or (run if run is not None and run.digest == digest else None)
