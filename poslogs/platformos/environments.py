"""An environment: a named platformOS instance and its credentials."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from poslogs.errors import ConfigError
from poslogs.platformos.demo import NAMES as DEMO_NAMES
from poslogs.settings import Settings
from poslogs.watched import WatchedFile

log = logging.getLogger("poslogs.files")

MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class Environment:
    """Where one instance's log is, and what opens it. The token never shows in a repr."""

    name: str
    url: str  # no trailing slash
    email: str = ""
    token: str = field(default="", repr=False)
    demo: bool = False


class Environments:
    """The environments that are served now: pos-cli's file, one more from MPKIT_*, else the demo.

    pos-cli looks for CONFIG_FILE_PATH, then `.pos`, then `.marketplace-kit` (platformos.md). Raises ConfigError.
    """

    def __init__(self, settings: Settings) -> None:
        self._named = Path(settings.config_file) if settings.config_file else None
        self._extra = _from_variables(settings)
        self._file: WatchedFile[dict[str, Environment]] | None = None
        self._told = ""  # what is wrong with a file that appeared
        if path := self._find():
            self._file = WatchedFile(path, _parse)

    @property
    def source(self) -> str:
        """Where they come from, as told in the start-up lines."""
        parts = [str(self._file.path)] if self._file else []
        parts += ["MPKIT_URL"] if self._extra else []
        return " and ".join(parts) or "demo"

    def all(self) -> Mapping[str, Environment]:
        """The environments by name, as of the last `refresh`."""
        if self._file is None:
            return self._extra or _DEMO
        return {**self._file.value, **self._extra}

    @property
    def demo(self) -> bool:
        """Whether they are the demo: nobody's log is served."""
        return self._file is None and not self._extra

    def get(self, name: str) -> Environment | None:
        """The environment of that name, if there is one."""
        return self.all().get(name)

    def refresh(self) -> bool:
        """Follow the file; a `.pos` that appears ends the demo. True when something changed."""
        if self._file is not None:
            return self._file.refresh()
        path = self._find()
        if path is None:
            return False
        try:
            self._file = WatchedFile(path, _parse)
        except ConfigError as error:
            if str(error) != self._told:
                self._told = str(error)
                log.error("%s The demo goes on.", error)
            return False
        return True

    def _find(self) -> Path | None:
        if self._named is not None:
            return self._named
        return next(
            (path for path in (Path(".pos"), Path(".marketplace-kit")) if path.exists() or path.is_symlink()), None
        )


_DEMO = {name: Environment(name, f"https://{name}.demo.example", demo=True) for name in DEMO_NAMES}


def _from_variables(settings: Settings) -> dict[str, Environment]:
    given = {
        "MPKIT_URL": settings.mpkit_url,
        "MPKIT_EMAIL": settings.mpkit_email,
        "MPKIT_TOKEN": settings.mpkit_token,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return {}
    if missing:
        raise ConfigError(f"{' and '.join(missing)} must be set too, or none of the MPKIT_* variables.")
    name = settings.mpkit_env
    return {
        name: _environment(
            name, {"url": given["MPKIT_URL"], "email": given["MPKIT_EMAIL"], "token": given["MPKIT_TOKEN"]}
        )
    }


def _parse(value: object) -> dict[str, Environment]:
    if not isinstance(value, dict) or not value:
        raise ConfigError('it must be an object such as {"staging": {"url": …, "email": …, "token": …}}.')
    return {str(name): _environment(str(name), fields) for name, fields in value.items()}


def _environment(name: str, fields: object) -> Environment:
    if not name or len(name) > MAX_NAME_CHARS:
        raise ConfigError(f"an environment's name has 1 to {MAX_NAME_CHARS} characters.")
    if not isinstance(fields, dict):
        raise ConfigError(f"environment {name} must be an object with url, email and token.")
    for key in ("url", "token"):
        if not isinstance(fields.get(key), str) or not fields[key].strip():
            raise ConfigError(f"environment {name} has no {key}; run `pos-cli env add {name}`.")
    url = fields["url"].strip().rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable = usable and parts.username is None and not (parts.query or parts.fragment or " " in url)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"the url of environment {name} must be like https://example.com.")
    token = fields["token"].strip()
    email = str(fields.get("email") or "").strip()
    if not (token + email + url).isprintable() or not (token + url).isascii():
        raise ConfigError(f"environment {name} has characters in its url, email or token that no header can carry.")
    return Environment(name, url, email, token)
