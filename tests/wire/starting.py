"""A start that must fail: what it wrote and how it ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.need import missing
from tests.support.server import REPO, free_port

CONFIG = str(REPO / "gunicorn.conf.py")
END_S = 30.0
COMMANDS = {
    "check": ["poslogs", "check"],  # what gunicorn's master asks before anything listens
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
    for name, text in (files or {}).items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    argv = [sys.executable, "-m", *COMMANDS[kind], *args]
    if unprivileged and os.geteuid() == 0:
        setpriv = shutil.which("setpriv") or missing("setpriv is not installed: install the system package util-linux")
        argv = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *argv]
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    given = {"PYTHONPATH": str(REPO), "HOME": str(folder), "PORT": str(free_port()), **(env or {})}
    ended = subprocess.run(argv, cwd=folder, env=kept | given, capture_output=True, text=True, timeout=END_S)
    told = f"exit {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    assert ended.returncode > 0, told
    assert ended.stdout == "", told
    assert ended.stderr.startswith("poslogs cannot start: "), told
    assert ended.stderr.count("\n") == 1, told
    assert ended.stderr.endswith(".\n"), told
    assert "Traceback" not in ended.stderr, told
    return ended.stderr.removeprefix("poslogs cannot start: ").rstrip("\n")
