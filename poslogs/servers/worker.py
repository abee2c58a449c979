"""What both of our gunicorn workers do: fit the app to the machine, watch over connections, let streams end."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gunicorn.http.errors import ConfigurationProblem, InvalidRequestLine
from gunicorn.workers import base

from poslogs.servers import discretion, heads, json_lines, listeners, master, memory, ticket
from poslogs.servers.capacity import capacity, files, raise_files
from poslogs.servers.news import News
from poslogs.servers.parts import parts_of
from poslogs.servers.refusal import RefusedClient
from poslogs.servers.stops import wait_for_end
from poslogs.servers.unchunked import send_unchunked
from poslogs.servers.visit import Bounds, with_visits
from poslogs.servers.visits import Visits

if TYPE_CHECKING:
    from poslogs.app import Parts
    from poslogs.supervisor import Loop

LOOK_SECONDS: Final = 0.2  # how often the worker looks whether it was told to stop
TRIM_SECONDS: Final = 15  # how often unused memory is given back, which takes some milliseconds
GC_OBJECTS: Final = 20_000  # new objects that are not freed yet, at which Python's collector runs


class Worker(base.Worker):
    """A mixin in front of gunicorn's own worker class. gunicorn's master makes the worker, then forks."""

    can_preload: ClassVar[bool] = True  # whether the master may load the app before the fork
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
        ticket.of_this_run().leave_to_greeting()  # made before the fork, so that each worker has the same one
        json_lines.format_gunicorn(log)
        master.check_config(cfg)
        heads.trust_nobody_by_default(cfg)
        inherited = getattr(super(), "check_config", None)
        if inherited is not None:
            inherited(cfg, log)

    def __init__(self, age: int, ppid: int, sockets: Any, app: Any, timeout: float, cfg: Any, log: Any) -> None:
        super().__init__(age, ppid, sockets, app, timeout, cfg, log)
        self._stopping: threading.Event | None = None  # set when streams are to end; made after the fork
        self._told_unwell = False
        self._over = False  # no longer runs
        json_lines.format_gunicorn(log)
        master.keep_to_one_worker(cfg)
        heads.trust_nobody_by_default(cfg)  # a reload has made a new configuration
        listeners.tune(sockets)
        # Memory of the master's stays shared with the worker, as long as Python's collector does not write to it.
        gc.collect()
        gc.freeze()

    def init_process(self) -> None:
        """Begin in the worker's own process, and serve until it ends."""
        raise_files(self.cfg.worker_connections)
        if self.cfg.reuse_port:  # these listeners were made after the fork
            listeners.tune(self.sockets)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the app and fit its parts to this worker. Raises AppImportError when it is not poslogs."""
        super().load_wsgi()
        self.parts = parts = parts_of(self.wsgi)
        self._news = News(self._warn_of_scarcity)
        self.log.error_log.addFilter(lambda record: self._news.worth(record.exc_info[1]) if record.exc_info else True)
        discretion.make_discreet(self.log.error_log)
        discretion.make_access_discreet(self.log)
        self.wsgi = send_unchunked(self.wsgi)
        direct = self._connect_parts()
        fitting = capacity(
            self.cfg.worker_connections, files(), parts.slots.capacity, threads=self.threads_of(self.cfg), direct=direct
        )
        parts.host.settle(fitting.streams, self.threads_of(self.cfg))
        self.worker_connections = fitting.connections
        self._watch_visits()
        if parts.fleet is not None:
            parts.fleet.begin()
        self._stopping = threading.Event()
        parts.supervisor.ensure("stops", self._watch)
        # What is loaded now stays. The collector skips it, and does not run for each page of rows that is read.
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
            self._over = True

    def notify(self) -> None:
        """Tell the master that this worker is alive, while it is well: one that is not gets replaced."""
        if self._is_well():
            self._told_unwell = False
            super().notify()
            return
        if not self._told_unwell:
            self._told_unwell = True
            self.log.critical("This worker is not well, and waits to be replaced.")
        if self.ppid != os.getppid():  # the master has gone, so nobody would replace it
            self.alive = False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that gunicorn refuses, in the shape of the app's own refusals."""
        if isinstance(exc, ConfigurationProblem):  # raised for a path outside SCRIPT_NAME: the client's fault, not ours
            exc = InvalidRequestLine("a path outside of SCRIPT_NAME")
        super().handle_error(req, RefusedClient(client, exc), addr, exc)

    def _connect_parts(self) -> bool:
        """Connect the app's parts with this kind of worker; True when gunicorn does not count open streams."""
        return False

    def _stop_accepting(self) -> None:
        """Accept no connection any more. A worker does so by itself too, up to a second after a stop began."""

    def _is_well(self) -> bool:
        return not self.parts.supervisor.unwell()

    def _watch_visits(self) -> None:
        """Watch over the connections from now on, within the bounds that the settings give."""
        settings, cfg = self.parts.settings, self.cfg
        bounds = Bounds(
            self.worker_connections,
            settings.address_connections,
            settings.answer_seconds,
            float(cfg.keepalive),
            self.threads_of(cfg),
        )
        self.visits = visits = Visits(bounds, settings.site, self._run_where_connections_close)
        heads.install(visits.grew)
        self.parts.supervisor.ensure("visits", visits.watch)
        self.wsgi = with_visits(self.wsgi)

    def _run_where_connections_close(self, run: Callable[[], None]) -> None:
        run()

    def _track(self, client: Any) -> None:
        """Track a connection from its beginning."""
        self.parts.disconnects.track(client)

    def _warn_of_scarcity(self, reason: str) -> None:
        self.log.warning("Connections have to wait: %s. Raise LimitNOFILE or ulimit -n.", reason)

    def _greet(self) -> None:
        if self.cfg.workers > 1 and self.age % self.cfg.workers != 1:
            return  # one of those that start together speaks for all
        from poslogs.banner import greeting

        try:
            token = ticket.of_this_run().show()
            addresses = [listeners.url(sock.getsockname()) for sock in self.sockets]
            root = os.environ.get("SCRIPT_NAME", "").rstrip("/") or self.parts.settings.prefix  # as gunicorn has it
            # In one write: the master writes lines too.
            sys.stdout.write(f"{greeting(self.parts, addresses, token, root)}\n")
            sys.stdout.flush()
        except OSError:
            pass  # stdout is closed; an error here would have the master start workers again and again

    def _watch(self, loop: Loop) -> None:
        """End the streams as soon as the worker is told to stop: every graceful way sets `alive` to False."""
        due = 0.0
        assert self._stopping is not None
        while self.alive and not self._stopping.wait(LOOK_SECONDS):
            loop.turn()
            if time.monotonic() >= due:
                due = time.monotonic() + TRIM_SECONDS
                memory.give_back()
        self._stop_accepting()  # else those who come back at once meet this worker again, and are refused
        self.parts.runtime.drain()
        wait_for_end(self.parts.slots)
        self.parts.disconnects.release_idle()
        self.cfg.set("graceful_timeout", 1)  # what is left now does not end by itself

    def _end(self) -> None:
        """Have the streams end now, and wait for them: gunicorn does not know of direct ones."""
        if self._stopping is not None:
            self._stopping.set()
            wait_for_end(self.parts.slots)
