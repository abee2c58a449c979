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
MAX_REPORTED = 20  # environments that cannot be used, each with a line in the log


@dataclass(frozen=True, slots=True)
class Environment:
    """Where one instance's log is, and the token that opens it, which no repr shows."""

    name: str
    url: str  # no trailing slash
    email: str = ""
    token: str = field(default="", repr=False)
    demo: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    """What a file of environments holds: at least one that can be used."""

    usable: dict[str, Environment]
    unusable: dict[str, str]  # name to a sentence that says what is wrong with it


class Environments:
    """The environments that are served now: pos-cli's file, one more from MPKIT_*, else the demo.

    The file is the one that pos-cli uses: CONFIG_FILE_PATH, else `.pos`, else `.marketplace-kit`. An environment that
    cannot be used is left out and reported; the others are served. Raises ConfigError when none can be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._named = Path(settings.config_file) if settings.config_file else None
        self._extra = _from_variables(settings)
        self._file: WatchedFile[_File] | None = None
        self._told = ""  # the last logged fault of a file that appeared
        self._reported: dict[str, str] = {}
        if path := self._find():
            self._file = WatchedFile(path, _parse)

    @property
    def source(self) -> str:
        """Where they come from, for the start-up lines: a path, MPKIT_URL, or `demo`."""
        parts = [str(self._file.path)] if self._file else []
        parts += ["MPKIT_URL"] if self._extra else []
        return " and ".join(parts) or "demo"

    def all(self) -> Mapping[str, Environment]:
        """The environments by name, as of the last `refresh`."""
        if self._file is None:
            return self._extra or _DEMO
        return {**self._file.value.usable, **self._extra}

    @property
    def unusable(self) -> Mapping[str, str]:
        """What is wrong with each environment of the file that is not served: a sentence by name."""
        if self._file is None:
            return {}
        return {name: reason for name, reason in self._file.value.unusable.items() if name not in self._extra}

    def report(self) -> None:
        """Log what is not served, each time that this changes."""
        if self._file is None:
            return
        path, unusable = self._file.path, self.unusable
        fresh = [reason for name, reason in unusable.items() if self._reported.get(name) != reason]
        self._reported = dict(unusable)
        for reason in fresh[:MAX_REPORTED]:
            log.error("%s: %s The others are served.", path, reason)
        if len(fresh) > MAX_REPORTED:
            log.error("%s: %d more environments cannot be used.", path, len(fresh) - MAX_REPORTED)

    @property
    def demo(self) -> bool:
        """Whether they are the demo, so that no real log is served."""
        return self._file is None and not self._extra

    def get(self, name: str) -> Environment | None:
        """The environment of that name; None when it is not served."""
        return self.all().get(name)

    def fresh(self, name: str) -> Environment | None:
        """The environment of that name as its file has it at this moment; None where none does, or it is not good."""
        if self._file is None or name in self._extra:
            return None
        try:
            return self._file.peek().usable.get(name)
        except ConfigError:
            return None

    def refresh(self) -> bool:
        """Read the file again if it has changed; a `.pos` that appears ends the demo. True when something changed."""
        if self._file is not None:
            changed = self._file.refresh()
            if changed:
                self.report()
            return changed
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
        self.report()
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


def _parse(value: object) -> _File:
    if not isinstance(value, dict) or not value:
        raise ConfigError('it must be an object such as {"staging": {"url": …, "email": …, "token": …}}.')
    usable: dict[str, Environment] = {}
    unusable: dict[str, str] = {}
    for name, fields in value.items():
        try:
            usable[name] = _environment(name, fields)
        except ConfigError as error:
            unusable[name if len(name) <= MAX_NAME_CHARS else f"{name[:MAX_NAME_CHARS]}…"] = str(error)
    if not usable:
        raise ConfigError(next(iter(unusable.values())))
    return _File(usable, unusable)


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
