"""Writing clients.json: one client more, or one fewer, in one step."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from poslogs.access.client import published_of
from poslogs.access.clients import Clients
from poslogs.errors import ConfigError

MAX_NAME_CHARS: Final = 100
WAIT_SECONDS: Final = 5.0  # for another command that writes the same file
LOOK_SECONDS: Final = 0.05


def add(path: Path, name: str, token: str, envs: Sequence[str] = (), *, first: Path | None = None) -> None:
    """Add a client of this name, known by the digest of its token; without `envs` it may read all environments.

    A missing file is made, with the published clients of `first`. Raises ConfigError, and leaves the file as it was.
    """
    if not name.isprintable() or not name.strip() or len(name) > MAX_NAME_CHARS:
        raise ConfigError(f"the name of a client must have 1 to {MAX_NAME_CHARS} printable characters.")
    with _changed(path, first) as clients:
        if name in clients:
            raise ConfigError(f"client {name} is in {path} already; take another name, or revoke that one first.")
        clients[name] = {"token_sha256": sha256(token.encode()).hexdigest()}
        if envs:
            clients[name]["envs"] = list(dict.fromkeys(envs))


def remove(path: Path, name: str, *, first: Path | None = None) -> None:
    """Remove the client of this name; `first` as for `add`. Raises ConfigError, and leaves the file as it was."""
    with _changed(path, first) as clients:
        if name not in clients:
            raise ConfigError(f"there is no client {name} in {path}; there are {', '.join(clients) or 'none'}.")
        if len(clients) == 1:
            raise ConfigError(f"client {name} is the only one in {path}, and a server needs one; make another first.")
        del clients[name]


@contextmanager
def _changed(path: Path, first: Path | None) -> Iterator[dict[str, Any]]:
    """The clients of the file, for the body of the `with` to change; then they are checked and written."""
    real = path.resolve()  # a link stays a link
    try:
        with _alone(real.parent):
            clients = _read(path) if first is None or path.exists() else _first(first)
            yield clients
            _replace(real, json.dumps(clients, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({(error.strerror or 'unknown reason').lower()}).") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other commands from changing files of the folder. Raises ConfigError after WAIT_SECONDS."""
    held = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ConfigError(f"another command holds {folder}; try again when it has ended.") from None
                time.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(held)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    Clients(path)  # a file that no server would take is not changed
    value = json.loads(path.read_text(encoding="utf-8-sig"))
    assert isinstance(value, dict)
    return value


def _first(path: Path) -> dict[str, Any]:
    """The published clients of the file that came with poslogs; other tokens in it are not copied."""
    came = _read(path)
    published = {client.id for client in published_of(came).values()} if came else set()
    return {name: fields for name, fields in came.items() if name in published}


def _replace(path: Path, text: str) -> None:
    """Replace the file by this text in one step; only its owner may read it."""
    made, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            with suppress(OSError):  # only root may give a file to its owner; else it is ours
                stat = (path if path.exists() else path.parent).stat()
                os.fchown(file.fileno(), stat.st_uid, stat.st_gid)
            os.fsync(file.fileno())
        Clients(Path(name))  # a server will take it
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
