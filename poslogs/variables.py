"""Variables: how the text of an environment variable becomes the checked value of a field of Settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Final, Generic, TypeVar

from poslogs.errors import ConfigError
from poslogs.networks import Networks

T = TypeVar("T")
N = TypeVar("N", int, float)

_KEY: Final = "setting"


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One variable: its name, its default as an operator would write it, what it means, and how it is read.

    A number has bounds, which are allowed themselves, and a unit ("" for a count).
    """

    variable: str
    default: str
    about: str  # {bounds} in it stands for the bounds and the unit
    parse: Callable[[str], T]
    bounds: tuple[float, float] | None = None
    unit: str = ""

    @property
    def meaning(self) -> str:
        """What it means, in words that name its bounds."""
        if self.bounds is None:
            return self.about
        least, most = self.bounds
        return self.about.format(bounds=f"{least} to {most} {self.unit}".rstrip())

    def value(self, given: Mapping[str, str]) -> T:
        """Its value among these variables; an empty one counts as not set. Raises ConfigError that names it."""
        try:
            return self.parse(given.get(self.variable, "").strip() or self.default)
        except ConfigError as error:
            raise ConfigError(f"{self.variable} {error}.") from None

    @property
    def field(self) -> T:
        """The field of a dataclass that holds its value, the default's unless another is given."""
        made: T = field(default_factory=lambda: self.value({}), metadata={_KEY: self})
        return made


def of(made: Field[Any]) -> Setting[Any]:
    """The setting of a field that was made here."""
    setting = made.metadata[_KEY]
    assert isinstance(setting, Setting)
    return setting


def text(variable: str, default: str, about: str) -> str:
    """A field that takes any text."""
    return Setting(variable, default, about, str).field


def parsed(variable: str, default: str, about: str, parse: Callable[[str], T]) -> T:
    """A field whose text `parse` reads; what it raises as ConfigError begins with "must be"."""
    return Setting(variable, default, about, parse).field


def count(variable: str, default: int, bounds: tuple[int, int], about: str) -> int:
    """A field that is a whole number."""
    return Setting(variable, str(default), about, within(*bounds, int), bounds).field


def seconds(variable: str, default: float, bounds: tuple[float, float], about: str) -> float:
    """A field that is a time in seconds, with fractions."""
    return Setting(variable, str(default), about, within(*bounds, float), bounds, "seconds").field


def mebibytes(variable: str, default: int, bounds: tuple[int, int], about: str) -> int:
    """A field that operators write as whole MiB and that holds bytes."""
    number = within(*bounds, int)
    return Setting(variable, str(default), about, lambda text: number(text) << 20, bounds, "MiB").field


def within(least: N, most: N, kind: type[N]) -> Callable[[str], N]:
    """What reads a number of this kind from `least` to `most`."""

    def number(text: str) -> N:
        try:
            value = kind(text)
        except ValueError:
            raise ConfigError(f"must be a number from {least} to {most}, not {text!r}") from None
        if not least <= value <= most:
            raise ConfigError(f"must be from {least} to {most}, not {text}")
        return value

    return number


def streams(text: str) -> int | None:
    """A bound on streams; None, written as 0, is as many as the server can hold."""
    return within(0, 1_000_000, int)(text) or None


# As browsers send it (RFC 6454, section 6.2): a scheme, a host and perhaps a port, and nothing more.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9*._-]+)(:(\d{1,5}|\*))?", re.IGNORECASE)
PATH: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+", re.ASCII)  # one slash at a time: it names no host
# As `limits` spells them; Valkey speaks as Redis does.
_REDIS: Final = frozenset(
    (
        *("redis", "rediss", "unix", "redis+unix", "redis+sentinel"),
        *("valkey", "valkeys", "valkey+unix", "valkey+sentinel"),
    )
)
_KEY_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")  # or an address of IPv4; no port


def origins(text: str) -> list[str]:
    """Web origins, separated by commas; `*` alone is any."""
    found = [origin.strip() for origin in text.split(",") if origin.strip()]
    for origin in found:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ConfigError(f"must be origins such as https://example.com, separated by commas, not {origin!r}")
    return found


def hosts(text: str) -> list[str]:
    """Names of hosts in lower case, separated by commas."""
    found = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in found:
        if not _HOST.fullmatch(name):
            raise ConfigError(f"must be names such as logs.example.com, separated by commas, not {name!r}")
    return found


def networks(text: str) -> Networks:
    """Addresses and networks, separated by commas."""
    try:
        return Networks(part.strip() for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            f"must be addresses or networks such as 10.0.0.0/8, separated by commas, not {text!r}"
        ) from None


def path(text: str) -> str:
    """The path below which an app is served, without a slash at its end; "" for none."""
    found = text.rstrip("/")
    if found and not PATH.fullmatch(found):
        raise ConfigError(f"must be a path such as /logs, not {text!r}")
    return found


def redis_url(text: str) -> str:
    """An address of Redis, as far as its beginning shows; it may hold a password, so no refusal repeats it."""
    scheme, colon, rest = text.partition("://")
    if text and (scheme.lower() not in _REDIS or not colon or not rest):
        raise ConfigError(
            "must be an address such as redis://127.0.0.1:6379/0, rediss://…, unix://… or redis+sentinel://…"
        )
    return text


def key(text: str) -> str:
    """A word that keys of a store begin with."""
    if not _KEY_WORD.fullmatch(text):
        raise ConfigError(f"must be 1 to 40 letters, digits and signs of . _ -, not {text!r}")
    return text


def on_or_off(text: str) -> bool:
    """A switch."""
    if text.lower() not in ("on", "off"):
        raise ConfigError(f"must be on or off, not {text!r}")
    return text.lower() == "on"


def level(text: str) -> str:
    """A level of Python's logging, by its name there."""
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise ConfigError(f"must be debug, info, warning or error, not {text!r}")
    return text.upper()


def log_format(text: str) -> str:
    """A format of the log."""
    if text.lower() not in ("text", "json"):
        raise ConfigError(f"must be text or json, not {text!r}")
    return text.lower()
