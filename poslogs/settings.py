"""Settings: every variable that an operator may set, with its default, bounds and meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from poslogs.errors import ConfigError
from poslogs.networks import Networks, site

_OURS = "POSLOGS_"
_CLIENTS = "clients.json"
_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "shipped"  # a wheel has it, a checkout does not
ROOT = _PACKAGE.parent  # of a checkout: the folder of wsgi.py


@dataclass(frozen=True)
class Setting:
    """One variable of the environment."""

    variable: str
    default: str
    meaning: str
    read: Callable[[str], object] = str


def _number(low: float, high: float, kind: type[int] | type[float] = int) -> Callable[[str], object]:
    def read(text: str) -> object:
        try:
            value = kind(text)
        except ValueError:
            raise ConfigError(f"must be a number from {low} to {high}, not {text!r}") from None
        if not low <= value <= high:
            raise ConfigError(f"must be from {low} to {high}, not {text}")
        return value

    return read


def _origins(text: str) -> list[str]:
    origins = [origin.strip() for origin in text.split(",") if origin.strip()]
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ConfigError(f"must be origins such as https://example.com, separated by commas, not {origin!r}")
    return origins


# As browsers send it (RFC 6454, section 6.2): a scheme, a host and perhaps a port, and nothing behind them.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9*._-]+)(:(\d{1,5}|\*))?", re.IGNORECASE)


def _hosts(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"must be names such as logs.example.com, separated by commas, not {name!r}")
    return names


_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")  # of a host, or an address of IPv4; no port


def _networks(text: str) -> Networks:
    try:
        return Networks(part.strip() for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            f"must be addresses or networks such as 10.0.0.0/8, separated by commas, not {text!r}"
        ) from None


def _on_or_off(text: str) -> object:
    if text.lower() not in ("on", "off"):
        raise ConfigError(f"must be on or off, not {text!r}")
    return text.lower() == "on"


def _level(text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise ConfigError(f"must be debug, info, warning or error, not {text!r}")
    return text.upper()


SETTINGS = (
    Setting("HOST", "127.0.0.1", "address to listen on (gunicorn)"),
    Setting("PORT", "3030", "port to listen on (gunicorn)", _number(0, 65535)),
    Setting("CONFIG_FILE_PATH", "", "pos-cli's file of environments; if not set, `.pos`, then `.marketplace-kit`"),
    Setting("MPKIT_URL", "", "address of one more environment; set `MPKIT_EMAIL` and `MPKIT_TOKEN` too"),
    Setting("MPKIT_EMAIL", "", "that environment's e-mail"),
    Setting("MPKIT_TOKEN", "", "that environment's token"),
    Setting("MPKIT_ENV", "default", "that environment's name"),
    Setting(
        "POSLOGS_CLIENTS_FILE",
        "",
        "file that lists who may connect; if not set, `clients.json` here, then the one that comes with poslogs",
    ),
    Setting(
        "POSLOGS_HEARTBEAT_SECONDS", "15", "longest silence on a stream, 0.1 to 60 seconds", _number(0.1, 60, float)
    ),
    Setting(
        "POSLOGS_CORS_ORIGINS",
        "http://localhost:*, http://127.0.0.1:*",
        "origins whose pages may call, separated by commas; `*` stands for any port or name",
        _origins,
    ),
    Setting(
        "POSLOGS_HOSTS",
        "",
        "names under which `/mcp` is called, separated by commas; if not set, local ones on loopback, any elsewhere",
        _hosts,
    ),
    Setting(
        "POSLOGS_MAX_STREAMS",
        "0",
        "limit on open streams in this process; 0 means as many as the server can hold",
        _number(0, 1_000_000),
    ),
    Setting("POSLOGS_MAX_CALLS", "64", "limit on calls under way in this process, 1 to 10000", _number(1, 10_000)),
    Setting("POSLOGS_CLIENT_CALLS", "8", "limit on calls under way for one client, 1 to 10000", _number(1, 10_000)),
    Setting(
        "POSLOGS_UNREAD_SECONDS",
        "60",
        "how long a client may leave a piece (256 KiB) of a call's answer unread, 1 to 600 seconds",
        _number(1, 600, float),
    ),
    Setting(
        "POSLOGS_QUESTIONS",
        "4",
        "limit on questions of readers and calls to one environment at a time, beside the poll, 2 to 64; "
        "one client may have one fewer",
        _number(2, 64),
    ),
    Setting(
        "POSLOGS_ANSWERS_MB",
        "16",
        "memory for answers to these questions, kept for their readers, for all environments, 1 to 1024 MiB",
        _number(1, 1024),
    ),
    Setting(
        "POSLOGS_PROXY_HOPS",
        "0",
        "number of proxies in front whose `X-Forwarded-For` is believed, 0 to 5",
        _number(0, 5),
    ),
    Setting(
        "POSLOGS_PROXIES",
        "127.0.0.0/8, ::1",
        "addresses and networks of the proxies in front, separated by commas; "
        "forwarding headers from others are ignored",
        _networks,
    ),
    Setting(
        "POSLOGS_ADDRESS_CONNECTIONS",
        "256",
        "limit on connections from one address under gunicorn, without streams and `POSLOGS_PROXIES`, 4 to 100000",
        _number(4, 100_000),
    ),
    Setting(
        "POSLOGS_ANSWER_SECONDS",
        "60",
        "longest time for a client to take an answer that is not a stream, under gunicorn, 1 to 3600 seconds",
        _number(1, 3600, float),
    ),
    Setting(
        "POSLOGS_WINDOW_MB", "16", "memory for recent entries of each environment, 1 to 1024 MiB", _number(1, 1024)
    ),
    Setting(
        "POSLOGS_OVERLAP_SECONDS",
        "30",
        "how far back `logs.live` looks for late rows, 0 to 600 seconds",
        _number(0, 600, float),
    ),
    Setting("POSLOGS_POLL_SECONDS", "30", "longest time for one poll, 1 to 300 seconds", _number(1, 300, float)),
    Setting("POSLOGS_POLL_MB", "32", "largest answer that platformOS may give, 1 to 512 MiB", _number(1, 512)),
    Setting(
        "POSLOGS_POLL_ROWS",
        "20000",
        "rows of one answer that are taken at once, 100 to 1000000; the next question brings the others",
        _number(100, 1_000_000),
    ),
    Setting(
        "POSLOGS_DIRECT",
        "on",
        "on: under gunicorn's gevent worker a waiting stream needs no greenlet; off: each has one",
        _on_or_off,
    ),
    Setting("POSLOGS_LOG_LEVEL", "info", "level of the log on stderr: debug, info, warning or error", _level),
)


@dataclass(frozen=True)
class Settings:
    """The settings of one process, already checked; units as in `SETTINGS`."""

    host: str
    port: int
    config_file: str
    mpkit_url: str
    mpkit_email: str
    mpkit_token: str
    mpkit_env: str
    clients_files: tuple[Path, Path]
    heartbeat: float
    cors_origins: list[str]
    hosts: list[str]
    max_streams: int | None  # None: as many as the server can hold
    max_calls: int
    client_calls: int
    unread: float
    questions: int
    answer_bytes: int
    proxy_hops: int
    proxies: Networks
    address_connections: int
    answer_seconds: float
    window_bytes: int
    lookback: float
    poll_seconds: float
    poll_bytes: int
    poll_rows: int
    direct: bool
    log_level: str

    def __repr__(self) -> str:
        return "Settings()"  # one of them is a token

    @property
    def clients_file(self) -> Path:
        """The file of clients, to which tokens are added."""
        return self.clients_files[0]

    @property
    def first_clients_file(self) -> Path:
        """The one that is read as long as `clients_file` is not there; mostly the same."""
        return self.clients_files[1]

    def site(self, address: str) -> str | None:
        """Whose connections are counted as this address's; None for a proxy's, which are many people's."""
        return None if address in self.proxies else site(address)

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Settings:
        """Settings of the process's variables (or of `variables`); an empty one counts as not set.

        Raises ConfigError that names the variable.
        """
        given = os.environ if variables is None else variables
        got: dict[str, object] = {}
        for setting in SETTINGS:
            text = given.get(setting.variable, "").strip() or setting.default
            try:
                got[setting.variable] = setting.read(text)
            except ConfigError as error:
                raise ConfigError(f"{setting.variable} {error}.") from None
        return cls(
            host=str(got["HOST"]),
            port=_int(got["PORT"]),
            config_file=str(got["CONFIG_FILE_PATH"]),
            mpkit_url=str(got["MPKIT_URL"]),
            mpkit_email=str(got["MPKIT_EMAIL"]),
            mpkit_token=str(got["MPKIT_TOKEN"]),
            mpkit_env=str(got["MPKIT_ENV"]),
            clients_files=_clients_files(str(got["POSLOGS_CLIENTS_FILE"])),
            heartbeat=_float(got["POSLOGS_HEARTBEAT_SECONDS"]),
            cors_origins=list(got["POSLOGS_CORS_ORIGINS"]),  # type: ignore[call-overload]  # _origins made it
            hosts=list(got["POSLOGS_HOSTS"]),  # type: ignore[call-overload]  # _hosts made it
            max_streams=_int(got["POSLOGS_MAX_STREAMS"]) or None,
            max_calls=_int(got["POSLOGS_MAX_CALLS"]),
            client_calls=_int(got["POSLOGS_CLIENT_CALLS"]),
            unread=_float(got["POSLOGS_UNREAD_SECONDS"]),
            questions=_int(got["POSLOGS_QUESTIONS"]),
            answer_bytes=_int(got["POSLOGS_ANSWERS_MB"]) << 20,
            proxy_hops=_int(got["POSLOGS_PROXY_HOPS"]),
            proxies=_networks_of(got["POSLOGS_PROXIES"]),
            address_connections=_int(got["POSLOGS_ADDRESS_CONNECTIONS"]),
            answer_seconds=_float(got["POSLOGS_ANSWER_SECONDS"]),
            window_bytes=_int(got["POSLOGS_WINDOW_MB"]) << 20,
            lookback=_float(got["POSLOGS_OVERLAP_SECONDS"]),
            poll_seconds=_float(got["POSLOGS_POLL_SECONDS"]),
            poll_bytes=_int(got["POSLOGS_POLL_MB"]) << 20,
            poll_rows=_int(got["POSLOGS_POLL_ROWS"]),
            direct=bool(got["POSLOGS_DIRECT"]),
            log_level=str(got["POSLOGS_LOG_LEVEL"]),
        )


def shipped(name: str) -> Path:
    """A file that comes with poslogs: in an installed package's folder for them, else in the root of the checkout."""
    return (_PACKED if _PACKED.exists() else ROOT) / name


def misspelt(variables: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each variable of the process's that looks like one of ours and is none."""
    known = {setting.variable.removeprefix(_OURS): setting.variable for setting in SETTINGS}
    given = os.environ if variables is None else variables
    told = []
    for name in sorted(name for name in given if name.startswith(_OURS) and name not in known.values()):
        nearest = get_close_matches(name.removeprefix(_OURS), known, 1)  # all share the beginning
        hint = f"is {known[nearest[0]]} meant?" if nearest else "`python -m poslogs settings` lists all."
        told.append(f"{name} is not a setting of poslogs and has no effect; {hint}")
    return told


def _clients_files(named: str) -> tuple[Path, Path]:
    """The file of clients, and the one that is read as long as that is not there."""
    if named:
        return Path(named), Path(named)
    here, ours = Path(_CLIENTS), shipped(_CLIENTS)
    own = here if here.exists() or _PACKED.exists() else ours  # nobody's own tokens go into an installed package
    return own, own if own.exists() else ours


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _networks_of(value: object) -> Networks:
    assert isinstance(value, Networks)
    return value


def _float(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
