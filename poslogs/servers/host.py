"""The host: the WSGI server that runs the app, as its first request shows it, and how many streams it can hold.

A stream keeps the thread or greenlet that serves it until its reader leaves. Under a server that serves one request
at a time it would keep the whole server, so none is opened there, and a sentence says what to start instead.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from poslogs.access.slots import Slots
from poslogs.errors import Unavailable
from poslogs.servers.capacity import LEAST_THREADS, capacity, files, room

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("poslogs.host")

MOST: Final = 1_000_000  # a larger number is no count of threads or processes
UNTOLD_THREADS: Final = 10  # as many as are reckoned with where threads serve and nobody says how many they are
INSTEAD: Final = "run `python -m poslogs serve` instead"


@dataclass(frozen=True)
class Server:
    """What a server tells of itself: counts are those of one process, None where it does not tell."""

    name: str
    cure: str  # how it is started so that it can hold streams
    threads: int | None = None
    connections: int | None = None
    processes: int | None = None


class Host:
    """The server that runs the app: nothing is known of it before `meet` or `settle`."""

    def __init__(self, slots: Slots[Any]) -> None:
        self.known = False
        self._slots = slots
        self._own = slots.capacity  # the operator's bound
        self._against = ""  # why no stream can be held, and what to start instead
        self._first = threading.Lock()  # taken by the first request, which alone writes to the log

    def settle(self, streams: int, threads: int | None) -> None:
        """A server of ours has reckoned how many streams it can hold: requests need not show it."""
        self._slots.capacity = streams
        self._slots.room.places = room(threads)
        self.known = True

    def check(self) -> None:
        """Raise Unavailable where no stream can be held; it does not go away by itself."""
        if self._against:
            raise Unavailable(f"No stream is opened here: {self._against}.")

    def meet(self, environ: Mapping[str, Any], start_response: object) -> None:
        """Learn from a request what the server can hold, and write once to the log what its operator should know."""
        server = told(environ, getattr(start_response, "__self__", None))
        self._against = against(environ, server)
        self._slots.capacity = 0 if self._against else streams(environ, server, self._own)
        self._slots.room.places = None if self._against else room(_threads(server))
        self.known = True
        if not self._first.acquire(blocking=False):
            return
        if self._against:
            log.error("No stream is opened here: %s.", self._against)
            return
        threads = _threads(server)
        log.info(
            "Up to %s streams at once are held here, under %s%s.",
            self._slots.capacity,
            server.name,
            "" if threads is None else f" with {threads} threads",
        )
        if self._own is None and unbounded(environ, server):
            log.warning(
                "This server does not tell how many requests it serves at once, and hangs when each of its threads "
                "holds a stream: set POSLOGS_MAX_STREAMS to fewer than its threads."
            )


class Hosted:
    """The app; its first request lets `host` meet the server."""

    def __init__(self, app: WSGIApplication, host: Host) -> None:
        self.app = app
        self._host = host

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the app does."""
        if not self._host.known:
            self._host.meet(environ, start_response)
        return self.app(environ, start_response)


def told(environ: Mapping[str, Any], owner: object) -> Server:
    """What the server tells; `owner` is the object whose method `start_response` is.

    Attributes that servers do not promise are read where they are there, and taken as not told elsewhere.
    """
    software = str(environ.get("SERVER_SOFTWARE", ""))
    if environ.get("wsgi.run_once"):
        return Server("CGI", INSTEAD)
    if "gunicorn" in software:
        cure = f"start it with -k poslogs.servers.gunicorn.GeventWorker, or {INSTEAD}"
        threads = _count(owner, "cfg.threads")
        if threads == 1 and "gthread" not in str(_value(owner, "cfg.worker_class_str")):
            threads = None  # the class has something else
        connections = _count(owner, "cfg.worker_connections") or _count(owner, "server.pool.size")
        return Server("gunicorn", cure, threads, connections, _count(owner, "cfg.workers"))
    if "uwsgi.version" in environ:
        module, cure = sys.modules.get("uwsgi"), "start it with --enable-threads --threads 64 --processes 1"
        cores = _count(module, "cores")
        return Server("uWSGI", cure, cores, cores, _count(module, "numproc"))
    if "mod_wsgi.version" in environ:
        threads = _number(environ.get("mod_wsgi.threads_per_process"))
        processes = _number(environ.get("mod_wsgi.maximum_processes"))
        module, cure = sys.modules.get("mod_wsgi"), "let it run as WSGIDaemonProcess with processes=1 threads=64"
        threads = threads or _count(module, "threads_per_process")
        return Server("mod_wsgi", cure, threads, None, processes or _count(module, "maximum_processes"))
    if asked := environ.get("waitress.client_disconnected"):
        adj = _value(asked, "__self__.adj")
        return Server("waitress", "start it with --threads=64", _count(adj, "threads"), _count(adj, "connection_limit"))
    if (threads := _count(owner, "req.server.requests.min")) is not None:
        return Server("cheroot", "give it 64 threads", threads)
    return Server("this server", INSTEAD, None, _count(owner, "server.pool.size"))


def against(environ: Mapping[str, Any], server: Server) -> str:
    """Why the server can hold no stream, and what to start instead; "" when it can."""
    if environ.get("wsgi.run_once"):
        return f"CGI starts a process for each request, in which no limit holds; {server.cure}"
    patched = on_greenlet()
    if patched is False:
        return (
            "gevent serves, but Python's threading is not patched, so that one stream would keep all others waiting; "
            "call gevent.monkey.patch_all() before all imports (uWSGI: --gevent-early-monkey-patch)"
        )
    if patched is None and not environ.get("wsgi.multithread", True):
        return (
            f"{server.name} serves one request at a time, so that a stream would keep all others waiting; {server.cure}"
        )
    if patched is None and server.threads is not None and server.threads < LEAST_THREADS:
        return f"{server.name} has too few threads for a stream beside requests ({server.threads}); {server.cure}"
    if environ.get("wsgi.multiprocess") and server.processes != 1:
        processes = f"{server.processes} processes" if server.processes else "several processes, as far as it tells"
        return (
            f"{server.name} runs {processes}, and each would poll platformOS and count limits by itself; {server.cure}"
        )
    return ""


def streams(environ: Mapping[str, Any], server: Server, own: int | None) -> int:
    """How many streams the server can hold, by what it tells and by descriptors; `own` is the operator's bound."""
    threads = UNTOLD_THREADS if own is None and unbounded(environ, server) else _threads(server)
    return capacity(server.connections or files(), files(), own, threads=threads).streams


def unbounded(environ: Mapping[str, Any], server: Server) -> bool:
    """Whether threads serve that are bounded, as far as can be told, and nobody says how many they are."""
    return server.threads is None and on_greenlet() is None and "werkzeug.socket" not in environ


def on_greenlet() -> bool | None:
    """Whether a greenlet of gevent's serves this request and what waits lets others run; None for threads."""
    gevent, monkey = sys.modules.get("gevent"), sys.modules.get("gevent.monkey")
    if gevent is None or not isinstance(gevent.getcurrent(), gevent.Greenlet):
        return None
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _threads(server: Server) -> int | None:
    return None if on_greenlet() else server.threads


def _value(owner: object, path: str) -> object:
    for name in path.split("."):
        owner = getattr(owner, name, None)
    return owner


def _count(owner: object, path: str) -> int | None:
    return _number(_value(owner, path))


def _number(value: object) -> int | None:
    """A count as a number; None for what is none."""
    if not isinstance(value, int | str | bytes) or isinstance(value, bool):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if 1 <= number <= MOST else None
