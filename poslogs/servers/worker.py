"""What both of our gunicorn workers do: they find the app's parts, fit them to the machine, and end streams well."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gunicorn.errors import AppImportError
from gunicorn.http.errors import ConfigurationProblem, InvalidRequestLine
from gunicorn.workers import base

from poslogs.servers import chunks, discretion, heads, listeners, master, ticket
from poslogs.servers.capacity import capacity, files, raise_files
from poslogs.servers.news import News
from poslogs.servers.refusal import Refused
from poslogs.servers.visits import VISIT, Visits

if TYPE_CHECKING:
    from poslogs.app import Parts
    from poslogs.supervisor import Loop

LOOK_SECONDS: Final = 0.2  # between two looks whether the worker was told to stop
TRIM_SECONDS: Final = 15  # between two times that memory which nobody uses is given back; some milliseconds each
END_SECONDS: Final = 2.0  # for the streams' ends, at most
END_LOOK_SECONDS: Final = 0.02
STILL: Final = 25  # looks in which no stream ends: what is left is read by nobody
GC_OBJECTS: Final = 20_000  # made and not yet freed, between two looks of Python's collector
WRAPPERS: Final = 32  # objects around the app that are looked through for it
HOLDS: Final = ("wsgi_app", "app", "application", "__self__")  # where middleware keeps the app that it wraps


class Worker(base.Worker):
    """The part that is in front of gunicorn's own worker class; gunicorn's master makes it, then forks."""

    can_preload: ClassVar[bool] = True  # whether the master may load the app for it
    parts: Parts  # the app's, from `load_wsgi` on
    visits: Visits  # from `load_wsgi` on
    wsgi: Any  # what gunicorn calls

    @classmethod
    def threads_of(cls, cfg: Any) -> int | None:  # noqa: ARG003 - of greenlets
        """How many threads serve under a configuration; None for greenlets."""
        return None

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse a configuration that cannot work: gunicorn's master asks before it makes a worker."""
        ticket.of_this_run().leave_to_greeting()  # made here, each worker inherits the same one
        master.check_config(cfg)
        heads.trust_nobody_by_default(cfg)
        inherited = getattr(super(), "check_config", None)
        if inherited is not None:
            inherited(cfg, log)

    def __init__(self, age: int, ppid: int, sockets: Any, app: Any, timeout: float, cfg: Any, log: Any) -> None:
        super().__init__(age, ppid, sockets, app, timeout, cfg, log)
        self._stopping: threading.Event | None = None  # set when the streams are to end; made in the worker's process
        self._told_unwell = False
        master.keep_to_one_worker(cfg)
        heads.trust_nobody_by_default(cfg)  # a reload has made a new configuration
        listeners.tune(sockets)
        # What the master has made stays shared with the worker: a look of Python's collector would copy it.
        gc.collect()
        gc.freeze()

    def init_process(self) -> None:
        """Begin in the worker's own process, and serve until it ends."""
        raise_files(self.cfg.worker_connections)
        if self.cfg.reuse_port:  # these listeners were made after the fork
            listeners.tune(self.sockets)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the app, and put its parts to this worker's use. AppImportError when it is not poslogs."""
        super().load_wsgi()
        self.parts = parts = parts_of(self.wsgi)
        self._news = News(self._warn_of_scarcity)
        self.log.error_log.addFilter(lambda record: self._news.worth(record.exc_info[1]) if record.exc_info else True)
        discretion.keep(self.log.error_log)
        discretion.keep_access(self.log)
        self.wsgi = chunks.spare(self.wsgi)
        direct = self._adopt()
        fitting = capacity(
            self.cfg.worker_connections, files(), parts.slots.capacity, threads=self.threads_of(self.cfg), direct=direct
        )
        parts.host.settle(fitting.streams, self.threads_of(self.cfg))
        self.worker_connections = fitting.connections
        self._receive_visits()
        self._stopping = threading.Event()
        parts.supervisor.ensure("stops", self._watch)
        # What is there now stays: the collector need not look at it again, nor at each page of rows while it is read.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_OBJECTS, 20, 100)
        self._greet()

    def run(self) -> None:
        """Serve, and let the streams end before the process does."""
        try:
            super().run()
        finally:
            self._end()

    def notify(self) -> None:
        """Tell the master that this worker is alive, while it is well: one that is not gets replaced."""
        if self._is_well():
            self._told_unwell = False
            super().notify()
            return
        if not self._told_unwell:
            self._told_unwell = True
            self.log.critical("This worker is not well, and waits to be replaced.")
        if self.ppid != os.getppid():  # nobody is left who would
            self.alive = False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what gunicorn itself refuses, in the shape of the app's own refusals."""
        if isinstance(exc, ConfigurationProblem):  # a path outside SCRIPT_NAME, which is no fault of the server
            exc = InvalidRequestLine("a path outside of SCRIPT_NAME")
        super().handle_error(req, Refused(client, exc), addr, exc)

    def _adopt(self) -> bool:
        """Connect the app's parts with this kind of worker; True when streams leave gunicorn's hands."""
        return False

    def _is_well(self) -> bool:
        return not self.parts.supervisor.unwell()

    def _receive_visits(self) -> None:
        """Watch over the connections from now on, by the settings."""
        settings, cfg = self.parts.settings, self.cfg
        self.visits = visits = Visits(
            self.worker_connections,
            settings.address_connections,
            settings.site,
            settings.answer_seconds,
            cfg.keepalive,
            self._run_where_connections_close,
        )
        heads.use(visits.grew)
        self.parts.supervisor.ensure("visits", visits.watch)
        app = self.wsgi

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            response = getattr(start_response, "__self__", None)  # gunicorn calls with a method of its response
            visit = getattr(getattr(response, "req", None), "visit", None)
            if visit is None:  # HTTP/2
                return app(environ, start_response)
            environ[VISIT] = visit
            body = app(environ, start_response)
            visit.answers(response)
            return body

        self.wsgi = answer

    def _run_where_connections_close(self, run: Callable[[], None]) -> None:
        run()

    def _know(self, client: Any) -> None:
        """Know a connection from its beginning on."""
        self.parts.disconnects.track(client)

    def _warn_of_scarcity(self, reason: str) -> None:
        self.log.warning("Connections have to wait: %s. Raise LimitNOFILE or ulimit -n.", reason)

    def _greet(self) -> None:
        from poslogs.banner import banner

        try:
            token = ticket.of_this_run().show()
            addresses = [listeners.url(sock.getsockname()) for sock in self.sockets]
            root = os.environ.get("SCRIPT_NAME", "").rstrip("/")  # where gunicorn has it from
            print(banner(self.parts, addresses, token, root), flush=True)
        except OSError:
            pass  # nobody reads what this server prints, which is no reason to start workers again and again

    def _watch(self, loop: Loop) -> None:
        """End the streams as soon as the worker is told to stop; every graceful way turns `alive` off."""
        due = 0.0
        assert self._stopping is not None
        while self.alive and not self._stopping.wait(LOOK_SECONDS):
            loop.turn()
            if time.monotonic() >= due:
                due = time.monotonic() + TRIM_SECONDS
                give_memory_back()
        self.parts.runtime.drain()
        self._wait_for_streams()
        self.parts.disconnects.release_idle()
        self.cfg.set("graceful_timeout", 1)  # nothing is left that would end by itself

    def _end(self) -> None:
        """Have the streams end now, and wait for them: gunicorn does not know of those that left its hands."""
        if self._stopping is not None:
            self._stopping.set()
            self._wait_for_streams()

    def _wait_for_streams(self) -> None:
        # The looks are counted, not timed: on a machine that is overrun neither this nor the streams get on.
        slots = self.parts.slots
        end, open_, still = time.monotonic() + END_SECONDS, slots.open, 0
        while slots.open and still < STILL and time.monotonic() < end:
            time.sleep(END_LOOK_SECONDS)
            still = still + 1 if slots.open == open_ else 0
            open_ = slots.open


def parts_of(app: Any) -> Parts:
    """The parts of poslogs in a WSGI app, which middleware may wrap.

    Looks at WRAPPERS objects or a few more. Raises AppImportError when none of them is the app.
    """
    seen: list[Any] = [app]
    for found in seen:  # grows meanwhile
        extensions = getattr(found, "extensions", None)
        if isinstance(extensions, dict) and "poslogs" in extensions:
            parts: Parts = extensions["poslogs"]
            return parts
        inner = [getattr(found, name, None) for name in HOLDS]
        seen += [it for it in inner if it is not None and all(it is not known for known in seen)]
        if len(seen) > WRAPPERS:
            break
    raise AppImportError(
        f"{master.PREFIX}the app given to gunicorn is not poslogs, or wraps it where it cannot be found; "
        "wrap it as app.wsgi_app = Middleware(app.wsgi_app)."
    )


def give_memory_back() -> None:
    """Give free memory back to the system: without this glibc keeps what one answer of 32 MiB took, in pieces."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass  # another C library
