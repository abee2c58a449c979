"""A client: the holder of a token, and what it may do."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from limits import parse_many

from poslogs.errors import ConfigError
from poslogs.watched import WatchedFile

log = logging.getLogger("poslogs.files")

REQUESTS: Final = "100 per minute; 20 per 10 seconds"  # the guide's rates, in flask-limiter's notation
STREAMS: Final = 10
MAX_TOKEN_BYTES: Final = 4096
MIN_TOKEN_CHARS: Final = 16  # of a token off loopback; a shorter one can be guessed
# Tokens that anyone can read in this repository or in the guide, placeholders too. They open the demo alone.
PUBLISHED: Final = (
    "your-client-secret-here",
    "your-token",
    "client-secret",
    "paste-a-token-here",
    "<client-secret>",
    "<token>",
)


class Readable(Protocol):
    """What a client may read, or not: an environment."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def demo(self) -> bool:
        """Whether it is simulated, and holds nobody's log."""


@dataclass(frozen=True, slots=True)
class Client:
    """One entry of clients.json. Its token is known by its SHA-256 alone, which no repr shows."""

    id: str
    name: str
    digest: bytes = field(repr=False)
    envs: frozenset[str] | None = None  # None: all
    requests: str = REQUESTS
    streams: int = STREAMS
    plain: bool = field(default=False, compare=False)  # whether the token itself stands in the file
    short: bool = field(default=False, compare=False)  # whether it stands there with fewer than MIN_TOKEN_CHARS

    @property
    def published(self) -> str | None:
        """Its token, when it is one that can be read in this repository."""
        return _PUBLISHED.get(self.digest)

    def may_read(self, environment: Readable) -> bool:
        """Whether the environment is one of the client's. A published token reads a demo alone, whatever is listed."""
        if self.published and not environment.demo:
            return False
        return self.envs is None or environment.name in self.envs


class Clients:
    """The clients of clients.json, followed while it changes. Raises ConfigError at the start.

    As long as `path` is not there, those of `first` are taken, which comes with poslogs, and of them the published ones
    alone: whoever built the package may have had tokens of his own.
    """

    def __init__(self, path: Path, first: Path | None = None) -> None:
        self._path = path
        if first is None or first == path or path.exists():
            self._file = WatchedFile(path, _parse)
        else:
            self._file = WatchedFile(first, published_of)
        self._tried = 0  # when a file that appeared, and cannot be used, was written: nanoseconds since 1970
        self._run: Client | None = None

    @property
    def path(self) -> Path:
        """The file they are read from."""
        return self._file.path

    def refresh(self) -> bool:
        """Follow the file, also to `path` when that appears; True when something changed."""
        if self._file.path == self._path or not self._path.exists():
            return self._file.refresh()
        with suppress(OSError):
            if (written := self._path.stat().st_mtime_ns) == self._tried:
                return False
            self._tried = written
        try:
            self._file = WatchedFile(self._path, _parse)
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
        """Whether `let_in` has added a token to those of the file."""
        return self._run is not None

    def let_in(self, token: str) -> None:
        """Take this token too, while the process lives: of a client beside the file, with the default limits."""
        self._run = Client("(this run)", "The token of this run", sha256(token.encode()).digest())

    def holder(self, token: bytes) -> Client | None:
        """Who holds this token, if anybody.

        The look-up goes by the token's SHA-256, of which a caller cannot choose any part, and the digests are
        compared in constant time.
        """
        digest = sha256(token).digest()
        client = self._of(digest)
        return client if client is not None and hmac.compare_digest(client.digest, digest) else None

    def still(self, client: Client) -> Client | None:
        """The client as it is now, None when its token no longer opens anything."""
        now = self._of(client.digest)
        return now if now is not None and now.id == client.id else None

    def _of(self, digest: bytes) -> Client | None:
        run = self._run
        return self._file.value.get(digest) or (run if run is not None and run.digest == digest else None)


_PUBLISHED: Final = {sha256(token.encode()).digest(): token for token in PUBLISHED}
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_WITH_NAME: Final = re.compile(r"[0-9a-f]{64}\s+\*?-\s*", re.IGNORECASE)  # as sha256sum writes it
# Of "1 per 0 second" `limits` makes one a second.
_NO_TIME: Final = re.compile(r"(?:/|per)\s*0+\s*[a-z]", re.IGNORECASE)
_KEYS: Final = frozenset({"token", "token_sha256", "name", "envs", "limits"})


def _parse(value: object) -> dict[bytes, Client]:
    if not isinstance(value, dict) or not value:
        raise ConfigError('it must be an object such as {"default": {"token": "…", "name": "…"}}.')
    clients: dict[bytes, Client] = {}
    for id_, fields in value.items():
        client = _client(id_, fields)
        if client.digest in clients:
            raise ConfigError(f"clients {clients[client.digest].id} and {id_} have the same token.")
        clients[client.digest] = client
    return clients


def published_of(value: object) -> dict[bytes, Client]:
    """The clients of such a file whose tokens are published. Raises ConfigError."""
    return {digest: client for digest, client in _parse(value).items() if client.published}


def _client(id_: str, fields: object) -> Client:
    if not isinstance(fields, dict):
        raise ConfigError(f"client {id_} must be an object with a token.")
    if unknown := sorted(set(fields) - _KEYS):
        raise ConfigError(f"client {id_} has an unknown field {unknown[0]}; it takes {', '.join(sorted(_KEYS))}.")
    envs = fields.get("envs")
    if envs is not None and not (isinstance(envs, list) and all(isinstance(env, str) for env in envs)):
        raise ConfigError(f"envs of client {id_} must be a list of environment names.")
    requests, streams = _limits(id_, fields.get("limits", {}))
    digest, token = _digest(id_, fields), fields.get("token")
    return Client(
        id=id_,
        name=str(fields.get("name") or id_),
        digest=digest,
        envs=None if envs is None else frozenset(envs),
        requests=requests,
        streams=streams,
        plain=token is not None,
        short=token is not None and len(token) < MIN_TOKEN_CHARS,
    )


def _digest(id_: str, fields: Mapping[str, object]) -> bytes:
    token, hashed = fields.get("token"), fields.get("token_sha256")
    if (token is None) == (hashed is None):
        raise ConfigError(f"client {id_} must have a token or a token_sha256, and not both.")
    if hashed is not None:
        if not isinstance(hashed, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", hashed):
            if isinstance(hashed, str) and _WITH_NAME.fullmatch(hashed):
                raise ConfigError(
                    f"token_sha256 of client {id_} must be 64 hexadecimal digits alone; leave out the blanks and "
                    "the `-` that sha256sum puts after them."
                )
            raise ConfigError(f"token_sha256 of client {id_} must be 64 hexadecimal digits.")
        return bytes.fromhex(hashed)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or len(token) > MAX_TOKEN_BYTES:
        raise ConfigError(f"the token of client {id_} must be 1 to {MAX_TOKEN_BYTES} printable ASCII characters.")
    return sha256(token.encode()).digest()


def _limits(id_: str, limits: object) -> tuple[str, int]:
    if not isinstance(limits, dict) or set(limits) - {"requests", "streams"}:
        raise ConfigError(f'limits of client {id_} must be like {{"requests": "{REQUESTS}", "streams": {STREAMS}}}.')
    requests, streams = limits.get("requests", REQUESTS), limits.get("streams", STREAMS)
    try:
        if not isinstance(requests, str) or not (rates := parse_many(requests)):
            raise ValueError
        if any(rate.amount < 1 for rate in rates) or _NO_TIME.search(requests):
            raise ValueError
    except ValueError:
        raise ConfigError(f'requests in the limits of client {id_} must be like "{REQUESTS}".') from None
    if isinstance(streams, bool) or not isinstance(streams, int) or not 0 <= streams <= 1_000_000:
        raise ConfigError(f"streams in the limits of client {id_} must be a whole number from 0 to 1000000.")
    return requests, streams
