"""The worker classes for gunicorn: `poslogs.servers.gunicorn.GeventWorker`, and `ThreadWorker` with real threads.

gunicorn's master imports this module: at its top are gunicorn, gevent and the standard library only.
"""

from __future__ import annotations

import datetime
import select
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import monkey
from gunicorn.http.wsgi import Response
from gunicorn.workers import base, ggevent

from poslogs.servers import memory
from poslogs.servers.acceptors import Acceptors, report_as_news
from poslogs.servers.readiness import Readiness
from poslogs.servers.refusal import too_many
from poslogs.servers.sockets import turn_away
from poslogs.servers.threads import Threads
from poslogs.servers.visit import STREAMING, Visit
from poslogs.servers.worker import Worker

THREADS: Final = 256  # for streams and requests, where a configuration leaves gunicorn's default of 1


class _Taken:
    """Stands in for the app's body once a direct stream has taken the connection."""

    def __init__(self, response: Response, environ: dict[str, Any]) -> None:
        self.response = response
        self.environ = environ


class GeventWorker(Worker, ggevent.GeventWorker):
    """gunicorn's gevent worker, with direct streams in place of a greenlet for each stream."""

    can_preload = False  # gevent patches in the worker: an app that was loaded before keeps what is not patched

    def init_process(self) -> None:
        """Begin in the worker's own process, and serve until it ends."""
        gevent.config.track_greenlet_tree = False  # it would keep the stack that started each greenlet
        self._acceptors = Acceptors(self.handle, alone=self.cfg.workers == 1)
        super().init_process()

    def server_class(self, listener: Any, *, spawn: Any, **more: Any) -> Any:
        """What gunicorn calls to accept at a listener, where a worker has this."""
        tls = {name: given for name, given in more.items() if name == "ssl_context"}
        return self._acceptors.accept_at(listener, spawn, **tls)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it ends."""
        visit = self.visits.come(client, addr, lambda: client)
        if visit is None:
            turn_away(client, too_many())
            client.close()
            return
        try:
            self._track(client)
            super().handle(listener, client, addr)
        finally:
            self.visits.leave(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer a request whose head has come."""
        visit: Visit | None = self.visits.of(sock)
        assert visit is not None
        visit.begin(req)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            visit.wait_for_head()

    def timeout_ctx(self) -> Any:
        """The time for the next head. Other greenlets run first, so one client's many requests do not hold them up."""
        gevent.sleep(0)  # what poslogs.cooperation does; the master imports this module, and not that one
        return super().timeout_ctx()

    def handle_http2(self, listener: Any, client: Any, addr: Any, **more: Any) -> None:
        """Serve a connection of HTTP/2, whose requests gunicorn bounds itself."""
        visit: Visit | None = self.visits.of(client)
        assert visit is not None
        visit.enter(STREAMING)
        super().handle_http2(listener, client, addr, **more)

    def is_already_handled(self, respiter: Any) -> bool:
        """Log the access of a direct stream, and end gunicorn's part in its connection.

        Raises StopIteration, as gunicorn invites: its greenlet then ends as after a connection that is not kept alive.
        """
        if not isinstance(respiter, _Taken):
            return bool(super().is_already_handled(respiter))
        self.log.access(respiter.response, respiter.response.req, respiter.environ, datetime.timedelta(0))
        raise StopIteration

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once, as SIGINT and SIGQUIT ask, but let the streams end first."""
        gevent.spawn(self._quit, sig, frame)  # a signal handler may not wait

    def _quit(self, sig: int, frame: Any) -> None:
        self.alive = False
        self._end()
        try:
            base.Worker.handle_quit(self, sig, frame)
        except SystemExit:
            if not self._over:  # else the worker ends by itself, and nobody is left who would catch it
                raise

    def _stop_accepting(self) -> None:
        self._acceptors.close()

    def _connect_parts(self) -> bool:
        from poslogs.streaming.body import Body

        self.parts.disconnects.make_readiness = lambda: Readiness(original("epoll"), original("poll"))
        report_as_news(self._news.worth)
        if not self.parts.direct.serve(gevent.spawn_raw):
            return False
        app = self.wsgi

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            body = app(environ, start_response)
            return self._take(body, environ, start_response) if type(body) is Body else body

        self.wsgi = answer
        return True

    def _take(self, body: Any, environ: dict[str, Any], start_response: Any) -> Any:
        """Begin a direct stream where the connection is HTTP/1 on a plain socket; else return the body unchanged."""
        response: Any = getattr(start_response, "__self__", None)  # gunicorn calls with a method of its response
        connection = environ.get("poslogs.connection")
        begun = type(response) is Response and response.status is not None  # HTTP/2 has another class
        if not begun or connection is None or not connection.can_be_taken:
            return body
        response.force_close()  # gunicorn gives the connection away, and reads no other request from it
        try:
            lines = [*response.default_headers(), *(f"{name}: {value}\r\n" for name, value in response.headers)]
            head = f"{''.join(lines)}\r\n".encode("latin-1")
        except BaseException:
            body.close()
            raise
        self.parts.direct.begin(body, connection, head, chunked=response.chunked)
        return _Taken(response, environ)


class ThreadWorker(Worker, Threads):
    """gunicorn's gthread worker: a real thread for each stream and request."""

    @classmethod
    def threads_of(cls, cfg: Any) -> int:
        """How many threads serve under a configuration."""
        return THREADS if cfg.threads == 1 else int(cfg.threads)  # one thread would serve one stream and nothing else

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse a configuration that cannot work; use THREADS where it says nothing."""
        cfg.set("threads", cls.threads_of(cfg))
        super().check_config(cfg, log)

    def __init__(self, age: int, ppid: int, sockets: Any, app: Any, timeout: float, cfg: Any, log: Any) -> None:
        cfg.set("threads", self.threads_of(cfg))  # a reload has made a new configuration
        super().__init__(age, ppid, sockets, app, timeout, cfg, log)

    def init_process(self) -> None:
        """Begin in the worker's own process, and serve until it ends."""
        memory.share_arenas()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Serve a connection's next request."""
        self._track(conn.sock)
        return super().handle(conn)

    def is_news(self, error: OSError) -> bool:
        """Whether an accept failed for another reason than a lack of descriptors, of which News warns."""
        return self._news.worth(error)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End the worker as SIGTERM does.

        gunicorn's own handler takes the lock of its pool, and waits forever if the signal comes while that is held.
        """
        self.handle_exit(sig, frame)
        self.cfg.worker_int(self)

    def _run_where_connections_close(self, run: Callable[[], None]) -> None:
        if self.alive:  # its queue is closed after that
            self.method_queue.defer(run)


def original(name: str) -> Any:
    """What `select` had by this name before gevent; None where the system has none."""
    try:
        return monkey.get_original("select", name)
    except AttributeError:
        return getattr(select, name, None)
