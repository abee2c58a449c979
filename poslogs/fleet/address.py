"""The address of Redis: how POSLOGS_REDIS_URL is read, and the connections that are made by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.backoff import NoBackoff
from redis.connection import ConnectionInterface, ConnectionPool
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from poslogs.errors import ConfigError

CONNECT_SECONDS: Final = 0.25  # for a connection to be made, and for each answer while it is
_SENTINEL: Final = "redis+sentinel"
_DATABASE: Final = re.compile(r"/?\d*")


class Address:
    """Where Redis is. Raises ConfigError for an address that cannot be understood.

    `redis://`, `rediss://`, `unix://` and `redis+sentinel://host:port,host:port/service` are understood, and each with
    `valkey` in place of `redis`. No name is looked up, and nothing is connected to, before `connection` is.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = _spelt(url)
            self.shown = _without_secrets(self._url)  # for people: without a user, a password or options
            self.connection()  # finds options that redis-py does not know
        except Exception:  # noqa: BLE001 - of any kind, by what is wrong; its text may hold the password
            raise ConfigError(
                "POSLOGS_REDIS_URL cannot be understood; write it as redis://127.0.0.1:6379/0, "
                "or redis+sentinel://host:26379,host:26379/service."
            ) from None

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    def connection(self, seconds: float = CONNECT_SECONDS, name: str | None = None) -> ConnectionInterface:
        """A connection that `connect` opens, and that raises TimeoutError for an answer that takes `seconds` longer.

        It never tries again by itself. `name` is what Redis lists it by.
        """
        options: dict[str, Any] = {
            "socket_timeout": seconds,
            "socket_connect_timeout": CONNECT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,  # would be two more questions for each connection
            "client_name": name,
        }
        return self._pool(options).make_connection()

    def _pool(self, options: Mapping[str, Any]) -> ConnectionPool:
        if not self._url.startswith(_SENTINEL):
            return ConnectionPool.from_url(self._url, **options)
        parts = urlsplit(self._url)
        service = parts.path.strip("/")
        hosts = [_host_of(each) for each in parts.netloc.rpartition("@")[2].split(",")]
        if not service or parts.query:
            raise ValueError
        known = {"username": parts.username, "password": parts.password}
        known = {name: unquote(value) for name, value in known.items() if value}
        asked = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "retry", "driver_info")}
        sentinel = Sentinel(hosts, sentinel_kwargs={**asked, **known}, **options, **known)
        return SentinelConnectionPool(service, sentinel, **options, **known)


def _spelt(url: str) -> str:
    """The address as redis-py spells it. Raises ValueError."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower().replace("valkeys", "rediss").replace("valkey", "redis")
    scheme = "unix" if scheme == "redis+unix" else scheme
    parts = urlsplit(f"{scheme}://{rest}")
    if scheme in ("redis", "rediss"):
        if not parts.hostname or not _DATABASE.fullmatch(parts.path):
            raise ValueError
    elif scheme not in ("unix", _SENTINEL) or not parts.path.strip("/"):
        raise ValueError
    return f"{scheme}://{rest}"


def _without_secrets(url: str) -> str:
    scheme, _, rest = url.partition("://")
    place = rest.partition("?")[0]
    if scheme == "unix":
        return f"{scheme}://{place[place.find('/') :]}"
    authority, slash, path = place.rpartition("@")[2].partition("/")
    return f"{scheme}://{authority}{slash}{path}"


def _host_of(text: str) -> tuple[str, int]:
    """A host and its port. Raises ValueError."""
    parts = urlsplit(f"//{text.strip()}")
    if not parts.hostname or parts.port is None:
        raise ValueError
    return parts.hostname, parts.port
