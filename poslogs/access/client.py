"""A client: the holder of a token, and what it may do, as its entry in clients.json says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Final, Protocol

from limits import parse_many

from poslogs.errors import ConfigError

REQUESTS: Final = "100 per minute; 20 per 10 seconds"  # the guide's rates, in flask-limiter's notation
STREAMS: Final = 10
MAX_TOKEN_BYTES: Final = 4096
MIN_TOKEN_CHARS: Final = 16  # of a token where other machines reach the server; a shorter one can be guessed
# Tokens that this repository or the guide publishes, placeholders too. They open the demo only.
PUBLISHED: Final = (
    "your-client-secret-here",
    "your-token",
    "client-secret",
    "paste-a-token-here",
    "<client-secret>",
    "<token>",
)


class Readable(Protocol):
    """An environment, as far as a client's rights depend on it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def demo(self) -> bool:
        """Whether it is simulated."""


@dataclass(frozen=True, slots=True)
class Client:
    """One entry of clients.json. Of its token only the SHA-256 is kept, which no repr shows."""

    id: str
    name: str
    digest: bytes = field(repr=False)
    envs: frozenset[str] | None = None  # None: all
    requests: str = REQUESTS
    streams: int = STREAMS
    plain: bool = field(default=False, compare=False)  # the file holds the token itself
    short: bool = field(default=False, compare=False)  # that token has fewer than MIN_TOKEN_CHARS

    @property
    def key(self) -> str:
        """What names it in a store that others may see: its id, or a hash of an id that may be an e-mail or long."""
        return key_of(self.id)

    @property
    def published(self) -> str | None:
        """The client's token, if that is published in this repository; else None."""
        return _PUBLISHED.get(self.digest)

    def may_read(self, environment: Readable) -> bool:
        """Whether the client may read the environment. A published token opens a demo only, whatever `envs` lists."""
        if self.published and not environment.demo:
            return False
        return self.envs is None or environment.name in self.envs


@lru_cache(1024)
def key_of(id_: str) -> str:
    """A client's key by its id."""
    return id_ if _PLAIN.fullmatch(id_) else f"~{blake2b(id_.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"


_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
_PUBLISHED: Final = {sha256(token.encode()).digest(): token for token in PUBLISHED}
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_WITH_NAME: Final = re.compile(r"[0-9a-f]{64}\s+\*?-\s*", re.IGNORECASE)  # as sha256sum writes it
# `limits` takes "1 per 0 second" for one a second.
_NO_TIME: Final = re.compile(r"(?:/|per)\s*0+\s*[a-z]", re.IGNORECASE)
_KEYS: Final = frozenset({"token", "token_sha256", "name", "envs", "limits"})


def parse(value: object) -> dict[bytes, Client]:
    """The clients of a decoded clients.json by the digest of their token. Raises ConfigError."""
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
    """The clients of a decoded clients.json whose tokens are published, by digest. Raises ConfigError."""
    return {digest: client for digest, client in parse(value).items() if client.published}


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
