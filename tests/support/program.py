"""A program that a test runs beside the server, for as long as the test needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.output import Output

END_TIMEOUT_S = 10.0


class Program:
    """A child process whose output is collected. A context manager; leaving it ends the process and its children.

    Its home is `folder`, so that it has no settings of the person who runs the tests. It uses no proxy.
    """

    def __init__(self, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self.process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**kept, "HOME": str(folder), "NO_PROXY": "*", "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.out = Output()
        self.out.follow(self.process)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # it has a session of its own, so nothing else is hit
        self.process.wait(END_TIMEOUT_S)
        self.out.wait_closed()

    @property
    def lines(self) -> list[str]:
        """The whole lines written so far."""
        return self.out.text.split("\n")[:-1]

    def wait_line(self, part: str, timeout: float = 15) -> str:
        """The first whole line that holds `part`."""
        self.out.wait_until(lambda text: any(part in line for line in text.split("\n")[:-1]), timeout)
        return next(line for line in self.lines if part in line)

    def wait_exit(self, timeout: float = 15) -> int:
        """The exit status. AssertionError with the output when the program does not end."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"still running after {timeout} s:\n{self.out.text}") from late
        self.out.wait_closed()
        return status
