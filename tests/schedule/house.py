"""The house: all that these tests know of poslogs's names. Whatever is renamed or moved there changes only here.

Whatever poslogs takes from `threading`, `time` and `select` is the scheduler's already; what it takes from `_socket` is
put in place here. A part that wants something that starts greenlets is given `tests.schedule.threads.spawn`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, Final

from poslogs.access.client import Client
from poslogs.access.slots import Slots
from poslogs.doors.admission import admission
from poslogs.errors import Refusal
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError
from poslogs.runtime import Runtime
from poslogs.servers import sockets
from poslogs.servers.direct import DirectStreams
from poslogs.servers.host import Host
from poslogs.servers.liveness import Disconnects
from poslogs.servers.readiness import Readiness
from poslogs.servers.sockets import Connection
from poslogs.streaming.body import Body
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.supervisor import Supervisor
from tests.schedule.patch import LogPoints, in_order
from tests.schedule.sockets import Epoll, Lent, Sockets, real_poll
from tests.schedule.threads import spawn

LOG = LogPoints()


def furnish() -> None:
    """Put what is ours into poslogs's modules, once they are imported."""
    sockets._socket = Sockets()
    in_order(module for name, module in list(sys.modules.items()) if name.startswith("poslogs"))
    log = logging.getLogger("poslogs")
    log.handlers, log.propagate = [LOG], False


def forget() -> None:
    """Forget what was logged, with all that its tracebacks hold."""
    LOG.errors.clear()


@dataclass(frozen=True)
class Wish:
    """What a reader asks for. Without `position`, `tail` and `since` it wants what comes from now on."""

    env: str
    position: int | None = None
    tail: int | None = None
    since: str | None = None  # a timestamp
    filter: str | None = None
    live: bool = False
    gzip: bool = False
    chunked: bool = True  # HTTP/1.1
    direct: bool = True  # on a socket taken from the server, else sent by its own greenlet
    interval: float = 1.0  # seconds between polls


def failure(sentence: str, retry_after: float | None) -> Exception:
    """What a gateway raises when a question was not answered."""
    return GatewayError(sentence, retry_after=retry_after)


class House:
    """The streaming core as one worker has it. It is made inside the run, since it starts threads."""

    def __init__(
        self,
        random: Random,
        open_gateway: Callable[[str], Any],
        *,
        heartbeat: float,
        window_bytes: int,
        streams: int,
        level: str,
    ) -> None:
        logging.getLogger("poslogs").setLevel(level)
        self._heartbeat = heartbeat
        self._random = random
        self._environments: dict[str, Environment] = {}
        self._client = Client("one", "one", b"", streams=streams)
        self.supervisor = Supervisor()
        self.feeds = Feeds(
            lambda env: open_gateway(env.name),
            window_bytes=window_bytes,
            lookback=30.0,
            patience=30.0,
            supervisor=self.supervisor,
        )
        self.slots: Slots[Stream] = Slots()
        self._disconnects = Disconnects(self.supervisor, heartbeat)
        self._disconnects.make_readiness = lambda: Readiness(Epoll, real_poll)
        files: Any = _Unchanging(self.feeds)
        runtime = Runtime(files, files, self.feeds, self.slots, self.supervisor)
        self._hold = admission(self.slots, self._disconnects, runtime, Host(self.slots))
        self._direct = DirectStreams(heartbeat, self.supervisor)
        self._direct.serve(spawn)

    @property
    def open(self) -> int:
        """Streams that hold a slot."""
        return self.slots.open

    def resets(self, env: str) -> int:
        """How often it was noticed that ids of an environment were reset."""
        return sum(feed.history.generation for feed in self.feeds.all() if feed.upstream.environment.name == env)

    def outages(self) -> list[str]:
        """Environments with readers whose questions were not answered lately."""
        feeds = [feed for feed in self.feeds.all() if feed.readers]
        return [feed.upstream.environment.name for feed in feeds if feed.upstream.outage is not None]

    def high(self, env: str) -> int:
        """The newest id that the feed of an environment has seen; 0 while it does not run."""
        return max((feed.high for feed in self.feeds.all() if feed.upstream.environment.name == env), default=0)

    def errors(self) -> list[logging.LogRecord]:
        """Log records of errors with a traceback."""
        return [record for record in LOG.errors if record.exc_info]

    def serve(self, lent: Lent, wish: Wish) -> None:
        """Do what the worker's greenlet does for one connection."""
        self._disconnects.track(lent)
        environ: dict[str, Any] = {"gunicorn.socket": lent}
        try:
            self._answer(lent, wish, environ)
        except OSError:
            pass  # the reader has gone: the worker ignores that
        finally:
            lent.close()

    def _environment(self, name: str) -> Environment:
        """The environment; by chance its token was renewed, which makes it another object."""
        if name not in self._environments or self._random.random() < 0.05:
            self._environments[name] = Environment(name, "https://example.com")
        return self._environments[name]

    def _answer(self, lent: Lent, wish: Wish, environ: dict[str, Any]) -> None:
        head = _head(wish)
        connection = Connection(environ)
        stream = Stream(
            self.feeds.of(self._environment(wish.env)),
            selection=Selection(wish.filter, wish.live),
            start=Start(wish.position, wish.tail, wish.since),
            interval=wish.interval,
            heartbeat=self._heartbeat,
            client=self._random.choice("abc"),
        )
        try:
            self._hold(self._client, stream, "platformos.logs.stream", connection, environ)
        except Refusal:
            lent.sendall(b"HTTP/1.1 429 Too Many Requests\r\n\r\n")
            return
        body = Body(stream, gzip=wish.gzip)
        if wish.direct:
            self._direct.begin(body, connection, head, chunked=wish.chunked)
            return
        try:
            lent.sendall(head)
            for data in body:
                lent.sendall(b"%X\r\n%b\r\n" % (len(data), data) if wish.chunked else data)
            lent.sendall(b"0\r\n\r\n" if wish.chunked else b"")
        finally:
            body.close()


def _head(wish: Wish) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(["Transfer-Encoding: chunked"] if wish.chunked else [])]
    lines += ["Content-Encoding: gzip"] if wish.gzip else []
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


class _Unchanging:
    """Files that stay as they are: every client is known, and every environment that has a feed."""

    unusable: Final = MappingProxyType[str, str]({})

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    def refresh(self) -> bool:
        """Never changed."""
        return False

    def still(self, client: Client) -> Client:
        """The client."""
        return client

    def all(self) -> dict[str, Environment]:
        """The environments, by name."""
        return {feed.upstream.environment.name: feed.upstream.environment for feed in self._feeds.all()}
