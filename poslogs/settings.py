"""Settings: every variable that an operator may set, once: its default, bounds, unit and meaning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from poslogs import variables
from poslogs.networks import Networks, site
from poslogs.variables import count, mebibytes, parsed, seconds, text

_OURS: Final = "POSLOGS_"
_CLIENTS: Final = "clients.json"
_PACKAGE: Final = Path(__file__).resolve().parent
_PACKED: Final = _PACKAGE / "shipped"  # a wheel has it, a checkout does not
ROOT: Final = _PACKAGE.parent  # of a checkout: the folder of wsgi.py


def shipped(name: str) -> Path:
    """A file that comes with poslogs: in an installed package's folder for them, else in the root of the checkout."""
    return (_PACKED if _PACKED.exists() else ROOT) / name


def _clients_files(named: str) -> tuple[Path, Path]:
    if named:
        return Path(named), Path(named)
    here, ours = Path(_CLIENTS), shipped(_CLIENTS)
    own = here if here.exists() or _PACKED.exists() else ours  # an installed package gets no tokens of an operator's
    return own, own if own.exists() else ours


@dataclass(frozen=True, repr=False)
class Settings:
    """The settings of one process, already checked. A new setting is one more field here, and nothing else."""

    host: str = text("HOST", "127.0.0.1", "address to listen on (gunicorn)")
    port: int = count("PORT", 3030, (0, 65535), "port to listen on (gunicorn)")
    config_file: str = text(
        "CONFIG_FILE_PATH", "", "pos-cli's file of environments; if not set, `.pos`, then `.marketplace-kit`"
    )
    mpkit_url: str = text("MPKIT_URL", "", "address of one more environment; set `MPKIT_EMAIL` and `MPKIT_TOKEN` too")
    mpkit_email: str = text("MPKIT_EMAIL", "", "that environment's e-mail")
    mpkit_token: str = text("MPKIT_TOKEN", "", "that environment's token")
    mpkit_env: str = text("MPKIT_ENV", "default", "that environment's name")
    clients_files: tuple[Path, Path] = parsed(  # the file, and the one that is read until that exists
        "POSLOGS_CLIENTS_FILE",
        "",
        "file that lists who may connect; if not set, `clients.json` here, then the one that comes with poslogs",
        _clients_files,
    )
    heartbeat: float = seconds("POSLOGS_HEARTBEAT_SECONDS", 15, (0.1, 60), "longest silence on a stream, {bounds}")
    cors_origins: list[str] = parsed(
        "POSLOGS_CORS_ORIGINS",
        "http://localhost:*, http://127.0.0.1:*",
        "origins whose pages may call, separated by commas; `*` stands for any port or name",
        variables.origins,
    )
    hosts: list[str] = parsed(
        "POSLOGS_HOSTS",
        "",
        "names under which `/mcp` is called, separated by commas; if not set, local ones on loopback, any elsewhere",
        variables.hosts,
    )
    max_streams: int | None = parsed(  # None: as many as the server can hold
        "POSLOGS_MAX_STREAMS",
        "0",
        "limit on open streams in this process; 0 means as many as the server can hold",
        variables.streams,
    )
    max_calls: int = count("POSLOGS_MAX_CALLS", 64, (1, 10_000), "limit on calls under way in this process, {bounds}")
    client_calls: int = count(
        "POSLOGS_CLIENT_CALLS", 8, (1, 10_000), "limit on calls under way for one client, {bounds}"
    )
    unread: float = seconds(
        "POSLOGS_UNREAD_SECONDS",
        60,
        (1, 600),
        "how long a client may leave a piece (256 KiB) of a call's answer unread, {bounds}",
    )
    questions: int = count(
        "POSLOGS_QUESTIONS",
        4,
        (2, 64),
        "limit on questions of readers and calls to one environment at a time, beside the poll, "
        "{bounds}; one client may have one fewer",
    )
    answer_bytes: int = mebibytes(
        "POSLOGS_ANSWERS_MB",
        16,
        (1, 1024),
        "memory for answers to these questions, kept for their readers, for all environments, {bounds}",
    )
    proxy_hops: int = count(
        "POSLOGS_PROXY_HOPS", 0, (0, 5), "number of proxies in front whose `X-Forwarded-For` is believed, {bounds}"
    )
    proxies: Networks = parsed(
        "POSLOGS_PROXIES",
        "127.0.0.0/8, ::1",
        "addresses and networks of the proxies in front, separated by commas; forwarding headers from "
        "others are ignored",
        variables.networks,
    )
    prefix: str = parsed(
        "POSLOGS_PREFIX", "", "path below which poslogs is served, such as /logs, if no proxy says so", variables.path
    )
    address_connections: int = count(
        "POSLOGS_ADDRESS_CONNECTIONS",
        256,
        (4, 100_000),
        "limit on connections from one address under gunicorn, without streams and `POSLOGS_PROXIES`, {bounds}",
    )
    answer_seconds: float = seconds(
        "POSLOGS_ANSWER_SECONDS",
        60,
        (1, 3600),
        "longest time for a client to take an answer that is not a stream, under gunicorn, {bounds}",
    )
    window_bytes: int = mebibytes(
        "POSLOGS_WINDOW_MB", 16, (1, 1024), "memory for recent entries of each environment, {bounds}"
    )
    lookback: float = seconds(
        "POSLOGS_OVERLAP_SECONDS", 30, (0, 600), "how far back `logs.live` looks for late rows, {bounds}"
    )
    poll_seconds: float = seconds("POSLOGS_POLL_SECONDS", 30, (1, 300), "longest time for one poll, {bounds}")
    poll_bytes: int = mebibytes("POSLOGS_POLL_MB", 32, (1, 512), "largest answer that platformOS may give, {bounds}")
    poll_rows: int = count(
        "POSLOGS_POLL_ROWS",
        20_000,
        (100, 1_000_000),
        "rows of one answer that are taken at once, {bounds}; the next question brings the others",
    )
    direct: bool = parsed(
        "POSLOGS_DIRECT",
        "on",
        "on: under gunicorn's gevent worker a waiting stream needs no greenlet; off: each has one",
        variables.on_or_off,
    )
    redis_url: str = parsed(
        "POSLOGS_REDIS_URL",
        "",
        "address of the Redis that several workers share, such as redis://127.0.0.1",
        variables.redis_url,
    )
    redis_prefix: str = parsed(
        "POSLOGS_REDIS_PREFIX", "poslogs", "first part of each key in Redis, one for each fleet", variables.key
    )
    log_level: str = parsed(
        "POSLOGS_LOG_LEVEL", "info", "level of the log on stderr: debug, info, warning or error", variables.level
    )
    log_format: str = parsed(
        "POSLOGS_LOG_FORMAT",
        "text",
        "format of the log, and of what a start prints: text, or json with one object a line",
        variables.log_format,
    )

    def __repr__(self) -> str:
        return "Settings()"  # one of them is a token

    @property
    def clients_file(self) -> Path:
        """The file of clients, to which tokens are added."""
        return self.clients_files[0]

    @property
    def first_clients_file(self) -> Path:
        """The file that is read until `clients_file` exists; mostly the same."""
        return self.clients_files[1]

    def site(self, address: str) -> str | None:
        """The site that an address's connections are counted for; None for a proxy's, which are many people's."""
        return None if address in self.proxies else site(address)

    @classmethod
    def read(cls, given: Mapping[str, str] | None = None) -> Settings:
        """Settings of the process's variables, or of those that are `given`; an empty one counts as not set.

        Raises ConfigError that names the variable.
        """
        found = os.environ if given is None else given
        return cls(**{field.name: variables.of(field).value(found) for field in fields(cls)})


SETTINGS: Final = tuple(variables.of(field) for field in fields(Settings))


def misspelt(given: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each variable of the process's that looks like one of ours and is not."""
    known = {setting.variable.removeprefix(_OURS): setting.variable for setting in SETTINGS}
    found = os.environ if given is None else given
    sentences = []
    for name in sorted(name for name in found if name.startswith(_OURS) and name not in known.values()):
        nearest = get_close_matches(name.removeprefix(_OURS), known, 1)  # all share the beginning
        hint = f"is {known[nearest[0]]} meant?" if nearest else "`python -m poslogs settings` lists all."
        sentences.append(f"{name} is not a setting of poslogs and has no effect; {hint}")
    return sentences
