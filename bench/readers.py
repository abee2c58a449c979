"""The readers: sseload.c, which holds many streams in one process and counts what arrives."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from bench.errors import RunFailed

REPORT_SECONDS = 15
QUIT_SECONDS = 5


class Readers:
    """Streams that are being opened, then read. A context manager; it closes them all."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        self._unread = b""

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.quit()

    def ready(self, timeout: float) -> dict[str, Any]:
        """Wait until each stream has answered or failed; figures then.

        Raises RunFailed when that takes longer than `timeout` seconds, or when none was opened.
        """
        told = self._await("ready", timeout)
        if told is None:
            raise RunFailed(f"The streams did not all answer within {timeout:g} s.")
        if not told["open"]:
            raise RunFailed(f"No stream was opened: {told['failed']} failed, {told['non200']} of them refused.")
        return told

    def mark(self) -> None:
        """Count from zero."""
        self._say("mark")

    def report(self) -> dict[str, Any]:
        """Figures since the mark. Raises RunFailed when the process is gone."""
        self._say("report")
        told = self._await("report", REPORT_SECONDS)
        if told is None:
            raise RunFailed(f"The readers did not report within {REPORT_SECONDS} s.")
        return told

    def quit(self) -> None:
        """Close all streams and end the process."""
        try:
            self._say("quit")
            self.process.wait(QUIT_SECONDS)
        except (RunFailed, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _say(self, word: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(word.encode() + b"\n")
        except OSError as error:
            raise RunFailed("The readers have ended too early.") from error

    def _await(self, event: str, timeout: float) -> dict[str, Any] | None:
        assert self.process.stdout is not None
        output = self.process.stdout.fileno()
        end = time.monotonic() + timeout
        while True:
            while b"\n" in self._unread:
                line, self._unread = self._unread.split(b"\n", 1)
                told: dict[str, Any] = json.loads(line)
                if told["ev"] == event:
                    return told
            left = end - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                return None
            more = os.read(output, 65536)
            if not more:
                return None
            self._unread += more
