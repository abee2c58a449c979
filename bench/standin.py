"""The stand-in of platformOS (upstream.c), and the publisher for servers that do not poll (push.c)."""

from __future__ import annotations

import http.client
import json
import subprocess
from types import TracebackType
from typing import Any

from bench.errors import RunFailed
from bench.places import Places

MOST_SECONDS = 600  # then the stand-in ends by itself, should nobody end it
MESSAGE_BYTES = 300
ANSWER_SECONDS = 10
PUSH_GRACE_SECONDS = 60


class StandIn:
    """A process that answers polls on a port of its own. A context manager."""

    def __init__(self, places: Places) -> None:
        command = [places.helper("upstream"), "--port", "0", "--seconds", str(MOST_SECONDS)]
        self.process = subprocess.Popen(
            [*command, "--message", str(MESSAGE_BYTES)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.port: int = json.loads(self.process.stdout.readline())["port"]

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()

    def reset(self) -> None:
        """Count from zero."""
        self._get("/_reset")

    def stats(self) -> dict[str, Any]:
        """What it has counted: requests, rows_served, conns_accepted and more."""
        return self._get("/_stats")

    def steady(self, rate: float, page: int) -> None:
        """From now on `rate` rows a second come to be; an answer holds `page` of them at most."""
        self._get(f"/_ctl?mode=steady&rate={rate:g}&page={page}&window=0")

    def backlog(self, rows: int, page: int) -> None:
        """Lists a number of rows at once. An answer holds at most `page` of them."""
        self._get(f"/_ctl?mode=backlog&rows={rows}&page={page}&window=0")

    def idle(self) -> int:
        """No more rows; how many there are."""
        newest: int = self._get("/_ctl?mode=idle")["newest"]
        return newest

    def _get(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()


def push(places: Places, port: int, path: str, *, rate: float, every: float, batch: bool, seconds: float) -> int:
    """Publish `rate` rows a second, those due each `every` ms: one POST a row, or one for all; how many were sent.

    Raises RunFailed when the server refuses them or does not keep up.
    """
    command = [
        places.helper("push"),
        "--port",
        str(port),
        "--path",
        path,
        "--rate",
        f"{rate:g}",
        "--every",
        f"{every:g}",
    ]
    try:
        done = subprocess.run(
            [*command, "--batch", str(int(batch)), "--seconds", f"{seconds:g}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=seconds + PUSH_GRACE_SECONDS,
        )
        told = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise RunFailed(f"Nothing could be published: {error}.") from error
    if told["fails"]:
        raise RunFailed(f"{told['fails']} of {told['posts']} POSTs were not accepted.")
    rows: int = told["rows"]
    return rows
