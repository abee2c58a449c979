"""A start that must fail: what it wrote and how it ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from click.testing import CliRunner

from poslogs.cli import main
from tests.support.need import missing
from tests.support.server import REPO, free_port

CONFIG = str(REPO / "gunicorn.conf.py")
END_S = 30.0
COMMANDS = {
    "gevent": ["gunicorn", "-c", CONFIG, "wsgi:app"],
    "gthread": ["gunicorn", "-c", CONFIG, "-k", "gthread", "wsgi:app"],
    "waitress": ["waitress", "--listen=127.0.0.1:0", "wsgi:app"],
    "flask": ["flask", "--app", "wsgi", "run", "--port", "0"],
}


def started_in_vain(
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    kind: str = "gevent",
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    unprivileged: bool = False,
) -> str:
    """The one sentence in which a start ends, as people start it in `folder`, with `files` in it.

    AssertionError unless it ends by itself, with a status that is not 0, with that sentence as all that is on
    stderr, nothing on stdout, and no traceback. `unprivileged`: without root's right to read everything.
    """
    _write(folder, files)
    argv = [sys.executable, "-m", *COMMANDS[kind], *args]
    if unprivileged and os.geteuid() == 0:
        setpriv = shutil.which("setpriv") or missing("setpriv is not installed: install the system package util-linux")
        argv = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *argv]
    ended = subprocess.run(argv, cwd=folder, env=_environ(folder, env), capture_output=True, text=True, timeout=END_S)
    return _sentence(ended.returncode, ended.stdout, ended.stderr)


def checked_in_vain(
    folder: Path, files: Mapping[str, str | bytes] | None = None, *, env: Mapping[str, str] | None = None
) -> str:
    """The one sentence in which `poslogs check` ends, which gunicorn's master asks before anything listens.

    It is asked in this process, with nothing of its variables but `env`. AssertionError as for `started_in_vain`.
    """
    _write(folder, files)
    with contextlib.chdir(folder), mock.patch.dict(os.environ, _environ(folder, env), clear=True):
        ended = CliRunner().invoke(main, ["check"])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return _sentence(ended.exit_code, ended.stdout, ended.stderr)


def _write(folder: Path, files: Mapping[str, str | bytes] | None) -> None:
    for name, text in (files or {}).items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def _environ(folder: Path, env: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(REPO), "HOME": str(folder), "PORT": str(free_port()), **(env or {})}


def _sentence(status: int, stdout: str, stderr: str) -> str:
    told = f"exit {status}\n{stdout}\n{stderr}"
    assert status > 0, told
    assert stdout == "", told
    assert stderr.startswith("poslogs cannot start: "), told
    assert stderr.count("\n") == 1, told
    assert stderr.endswith(".\n"), told
    assert "Traceback" not in stderr, told
    return stderr.removeprefix("poslogs cannot start: ").rstrip("\n")
