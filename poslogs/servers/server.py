"""A WSGI server, as a request shows it: which one it is, what it says of itself, and whether it can hold streams.

A stream keeps the thread or greenlet that serves it until its reader leaves. Under a server that serves one request at
a time it would keep the whole server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from poslogs.servers.capacity import LEAST_THREADS, capacity, files

MOST: Final = 1_000_000  # a larger number does not count threads or processes
ASSUMED_THREADS: Final = 10  # where threads serve and nothing says how many they are
SHARE: Final = ", or start redis-server and set POSLOGS_REDIS_URL=redis://127.0.0.1:6379, by which they share both"
INSTEAD: Final = "run `python -m poslogs serve` instead"


@dataclass(frozen=True)
class Server:
    """What a server says of itself. Counts are of one process, and None where it does not say."""

    name: str
    cure: str  # how to start it so that it can hold streams
    threads: int | None = None
    connections: int | None = None
    processes: int | None = None
    forks: bool = False  # it starts further processes as it needs them, and requests do not show that


def server_of(environ: Mapping[str, Any], owner: object) -> Server:
    """The server; `owner` is the object whose method `start_response` is.

    Attributes that servers do not promise are read where they exist, and count as not said elsewhere.
    """
    known = (found for find in _KNOWN if (found := find(environ, owner)) is not None)
    return next(known, Server("this server", INSTEAD, None, _count(owner, "server.pool.size")))


def obstacle(environ: Mapping[str, Any], server: Server, *, shared: bool = False) -> str:
    """Why the server can hold no stream, and what to start instead; "" when it can.

    `shared`: its processes share limits and polls.
    """
    if environ.get("wsgi.run_once"):
        return f"CGI starts a process for each request, in which no limit holds; {server.cure}"
    patched = on_greenlet()
    if patched is False:
        return (
            "gevent serves, but Python's threading is not patched, so that one stream would keep all others waiting; "
            "call gevent.monkey.patch_all() before all imports (uWSGI: --gevent-early-monkey-patch)"
        )
    if patched is None and (sentence := _obstacle_of_threads(environ, server)):
        return sentence
    return "" if shared else _obstacle_of_processes(environ, server)


def _obstacle_of_processes(environ: Mapping[str, Any], server: Server) -> str:
    if server.forks:
        return (
            f"{server.name} starts processes as it needs them, and each would poll platformOS and count limits by "
            f"itself; {server.cure}{SHARE}"
        )
    if environ.get("wsgi.multiprocess") and server.processes != 1:
        processes = f"{server.processes} processes" if server.processes else "several processes, as far as it says"
        return (
            f"{server.name} runs {processes}, and each would poll platformOS and count limits by itself; "
            f"{server.cure}{SHARE}"
        )
    return ""


def streams(environ: Mapping[str, Any], server: Server, own: int | None) -> int:
    """How many streams the server can hold, by what it says and by descriptors; `own` is the operator's bound."""
    threads = ASSUMED_THREADS if own is None and unbounded(environ, server) else threads_of(server)
    return capacity(server.connections or files(), files(), own, threads=threads).streams


def threads_of(server: Server) -> int | None:
    """How many threads serve; None for greenlets, and where the server does not say."""
    return None if on_greenlet() else server.threads


def unbounded(environ: Mapping[str, Any], server: Server) -> bool:
    """Whether a bounded number of threads serves, as far as is known, and nothing says how many they are."""
    return server.threads is None and on_greenlet() is None and "werkzeug.socket" not in environ


def on_greenlet() -> bool | None:
    """Whether a greenlet of gevent's serves this request and waiting lets others run; None for a thread."""
    gevent, monkey = sys.modules.get("gevent"), sys.modules.get("gevent.monkey")
    if gevent is None or not isinstance(gevent.getcurrent(), gevent.Greenlet):
        return None
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _obstacle_of_threads(environ: Mapping[str, Any], server: Server) -> str:
    if not environ.get("wsgi.multithread", True):
        return (
            f"{server.name} serves one request at a time, so that a stream would keep all others waiting; {server.cure}"
        )
    if server.threads is not None and server.threads < LEAST_THREADS:
        return f"{server.name} has too few threads for a stream beside requests ({server.threads}); {server.cure}"
    return ""


def _cgi(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the next
    return Server("CGI", INSTEAD) if environ.get("wsgi.run_once") else None


def _fastcgi(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the others
    served = type(environ.get("wsgi.input")).__module__.partition(".")[0] in ("flup", "flipflop")
    return Server("FastCGI", INSTEAD, forks=True) if served else None


def _gunicorn(environ: Mapping[str, Any], owner: object) -> Server | None:
    if "gunicorn" not in str(environ.get("SERVER_SOFTWARE", "")):
        return None
    cure = f"start it with -k poslogs.servers.gunicorn.GeventWorker, or {INSTEAD}"
    threads = _count(owner, "cfg.threads")
    if threads == 1 and "gthread" not in str(_value(owner, "cfg.worker_class_str")):
        threads = None  # the class has something else
    connections = _count(owner, "cfg.worker_connections") or _count(owner, "server.pool.size")
    return Server("gunicorn", cure, threads, connections, _count(owner, "cfg.workers"))


def _passenger(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the others
    cure = "let its PassengerAppStartCommand be `poslogs serve --bind 127.0.0.1:$PORT`"
    return Server("Passenger", cure) if "passenger.hijack" in environ else None


def _uwsgi(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the others
    if "uwsgi.version" not in environ:
        return None
    module, cure = sys.modules.get("uwsgi"), "start it with --enable-threads --threads 64 --processes 1"
    cores = _count(module, "cores")
    return Server("uWSGI", cure, cores, cores, _count(module, "numproc"))


def _mod_wsgi(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the others
    if "mod_wsgi.version" not in environ:
        return None
    threads = _number(environ.get("mod_wsgi.threads_per_process"))
    processes = _number(environ.get("mod_wsgi.maximum_processes"))
    module, cure = sys.modules.get("mod_wsgi"), "let it run as WSGIDaemonProcess with processes=1 threads=64"
    threads = threads or _count(module, "threads_per_process")
    return Server("mod_wsgi", cure, threads, None, processes or _count(module, "maximum_processes"))


def _waitress(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the others
    asked = environ.get("waitress.client_disconnected")
    if not asked:
        return None
    adj = _value(asked, "__self__.adj")
    return Server("waitress", "start it with --threads=64", _count(adj, "threads"), _count(adj, "connection_limit"))


def _cheroot(environ: Mapping[str, Any], owner: object) -> Server | None:  # noqa: ARG001 - as the others
    threads = _count(owner, "req.server.requests.min")
    return None if threads is None else Server("cheroot", "give it 64 threads", threads)


_KNOWN: Final[tuple[Callable[[Mapping[str, Any], object], Server | None], ...]] = (
    _cgi,
    _fastcgi,
    _gunicorn,
    _passenger,
    _uwsgi,
    _mod_wsgi,
    _waitress,
    _cheroot,
)


def _value(owner: object, path: str) -> object:
    for name in path.split("."):
        owner = getattr(owner, name, None)
    return owner


def _count(owner: object, path: str) -> int | None:
    return _number(_value(owner, path))


def _number(value: object) -> int | None:
    """A count as a number; None for anything else."""
    if not isinstance(value, int | str | bytes) or isinstance(value, bool):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if 1 <= number <= MOST else None
