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
from poslogs.servers.readiness import Readiness
from poslogs.servers.refusal import too_many
from poslogs.servers.sockets import turn_away
from poslogs.servers.threads import Threads
from poslogs.servers.visit import STREAMING, Visit
from poslogs.servers.worker import Worker

THREADS: Final = 256  # streams and requests at once, where a configuration leaves gunicorn's 1


class _Taken:
    """What the app's answer becomes when its stream has left gunicorn's hands."""

    def __init__(self, response: Response, environ: dict[str, Any]) -> None:
        self.response = response
        self.environ = environ


class GeventWorker(Worker, ggevent.GeventWorker):
    """gunicorn's gevent worker, whose streams are driven together in place of a greenlet for each."""

    can_preload = False  # gevent patches in the worker; an app that was loaded before has kept what is not patched

    def init_process(self) -> None:
        """Begin in the worker's own process, and serve until it ends."""
        gevent.config.track_greenlet_tree = False  # it would keep the stack from which each one was started
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it ends."""
        visit = self.visits.come(client, addr, lambda: client)
        if visit is None:
            turn_away(client, too_many())
            client.close()
            return
        try:
            self._know(client)
            super().handle(listener, client, addr)
        finally:
            self.visits.leave(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer a request whose head has come."""
        visit: Visit | None = self.visits.of(sock)
        assert visit is not None
        visit.asks(req)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            visit.waits()

    def timeout_ctx(self) -> Any:
        """The time for the next head; first others have a turn, however many requests one sends at once."""
        gevent.sleep(0)
        return super().timeout_ctx()

    def handle_http2(self, listener: Any, client: Any, addr: Any, **more: Any) -> None:
        """Serve a connection of HTTP/2, whose requests have bounds of their own."""
        visit: Visit | None = self.visits.of(client)
        assert visit is not None
        visit.turns(STREAMING)
        super().handle_http2(listener, client, addr, **more)

    def is_already_handled(self, respiter: Any) -> bool:
        """Take the connection of a direct stream from gunicorn, which then is done with it.

        Raises StopIteration, as gunicorn invites: so its greenlet ends as after a connection that is not kept alive.
        """
        if not isinstance(respiter, _Taken):
            return bool(super().is_already_handled(respiter))
        self.log.access(respiter.response, respiter.response.req, respiter.environ, datetime.timedelta(0))
        raise StopIteration

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once, as SIGINT and SIGQUIT ask, but let the streams end first."""
        gevent.spawn(self._quit, sig, frame)  # a handler of signals may not wait

    def _quit(self, sig: int, frame: Any) -> None:
        self.alive = False
        self._end()
        base.Worker.handle_quit(self, sig, frame)

    def _adopt(self) -> bool:
        from poslogs.streaming.body import Body

        self.parts.disconnects.make_readiness = lambda: Readiness(original("epoll"), original("poll"))
        self._keep_the_hub_quiet()
        if not self.parts.direct.serve(gevent.spawn_raw):
            return False
        app = self.wsgi

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            body = app(environ, start_response)
            return self._take(body, environ, start_response) if type(body) is Body else body

        self.wsgi = answer
        return True

    def _take(self, body: Any, environ: dict[str, Any], start_response: Any) -> Any:
        """Let a stream that goes out over HTTP/1 on a plain socket begin as a direct one; else its body as it is."""
        response: Any = getattr(start_response, "__self__", None)  # gunicorn calls with a method of its response
        connection = environ.get("poslogs.connection")
        begun = type(response) is Response and response.status is not None  # HTTP/2 has a class of its own
        if not begun or connection is None or not connection.can_be_taken:
            return body
        response.force_close()  # gunicorn no longer has the connection, so nothing can be asked on it after this
        try:
            lines = [*response.default_headers(), *(f"{name}: {value}\r\n" for name, value in response.headers)]
            head = f"{''.join(lines)}\r\n".encode("latin-1")
        except BaseException:
            body.close()
            raise
        self.parts.direct.begin(body, connection, head, chunked=response.chunked)
        return _Taken(response, environ)

    def _keep_the_hub_quiet(self) -> None:
        # gevent's server reports a failed accept to the hub, which writes to stderr and has no hook.
        hub = gevent.get_hub()
        report = hub.handle_error

        def handle_error(context: Any, kind: Any, error: Any, trace: Any) -> None:
            if self._news.worth(error):
                report(context, kind, error, trace)

        hub.handle_error = handle_error


class ThreadWorker(Worker, Threads):
    """gunicorn's gthread worker: a real thread for each stream and request."""

    @classmethod
    def threads_of(cls, cfg: Any) -> int:
        """How many threads serve under a configuration."""
        return THREADS if cfg.threads == 1 else int(cfg.threads)  # gunicorn's 1 would serve one stream and no more

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what cannot work, and use THREADS where a configuration says nothing."""
        _have_threads(cfg)
        super().check_config(cfg, log)

    def __init__(self, age: int, ppid: int, sockets: Any, app: Any, timeout: float, cfg: Any, log: Any) -> None:
        _have_threads(cfg)  # a reload has made a new configuration
        super().__init__(age, ppid, sockets, app, timeout, cfg, log)

    def init_process(self) -> None:
        """Begin in the worker's own process, and serve until it ends."""
        memory.share_arenas()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Serve a connection's next request."""
        self._know(conn.sock)
        return super().handle(conn)

    def is_news(self, error: OSError) -> bool:
        """Whether an accept that fails is more than want of descriptors, which is told by itself."""
        return self._news.worth(error)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End as SIGTERM ends it.

        gunicorn's own handler takes the lock of its pool, for ever when it comes while the pool takes a connection.
        """
        self.handle_exit(sig, frame)
        self.cfg.worker_int(self)

    def _run_where_connections_close(self, run: Callable[[], None]) -> None:
        if self.alive:  # later its queue is closed
            self.method_queue.defer(run)


def original(name: str) -> Any:
    """What `select` had by this name before gevent; None where the system has none."""
    try:
        return monkey.get_original("select", name)
    except AttributeError:
        return getattr(select, name, None)


def _have_threads(cfg: Any) -> None:
    cfg.set("threads", ThreadWorker.threads_of(cfg))
