"""gunicorn's gthread worker, in which an unfinished head or a close holds neither a thread nor the main loop.

gunicorn hands each accepted connection to a thread, which waits for the head without a deadline, and its main loop
waits up to two seconds for each client to close. Here the main loop reads heads as they come, and gives a request to a
thread when its head is whole. A connection that it closes stays in its poller until the client has closed too.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import time
from functools import partial
from typing import Any, Final

from gunicorn import http
from gunicorn.http2 import negotiation
from gunicorn.workers import gthread

from poslogs.servers.heads import HEAD_BYTES, JUNCTION_BYTES, is_whole
from poslogs.servers.incoming import Incoming
from poslogs.servers.refusal import too_many
from poslogs.servers.sockets import turn_away
from poslogs.servers.visit import CLOSING, QUEUED, READING, STREAMING, WORKING, Visit
from poslogs.servers.visits import Visits

SCARCITY_SECONDS: Final = 0.1  # until the next try to accept, where descriptors have run out
DRAINED_BYTES: Final = 64 * 1024  # read at most from a client that goes on sending after its answer
_NOBODY: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)  # from an accept that finds no connection


class Held(gthread.TConn):
    """A connection that its worker closes without waiting, where gunicorn would wait for the client."""

    visit: Visit

    def __init__(self, worker: Threads, sock: Any, client: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, client, server)
        self.worker = worker

    def init(self) -> None:
        """Begin to read, in a thread; with TLS it waits for the handshake."""
        if self.initialized:
            return
        super().init()
        if not self.is_http2:
            self.parser.unreader = Incoming(self.sock, self.visit, self.parser.unreader.buf)

    def close(self, graceful: bool = False) -> None:
        """Close it now, or with `graceful` as soon as the client has closed."""
        graceful = graceful and self.sock.fileno() >= 0  # a thread may have closed it already
        if graceful and self.worker.alive and self.worker.linger(self):
            return
        super().close(graceful)
        self.worker.visits.leave(self)


class Threads(gthread.ThreadWorker):
    """The part of our thread worker that reads heads, and closes connections, in its main loop.

    With TLS, cleartext HTTP/2 and uWSGI's protocol a thread reads the head, as in gunicorn; `Visits` bounds that.
    """

    visits: Visits

    def accept(self, listener: Any) -> None:
        """Accept a connection, or pause where descriptors have run out: an error here would end the worker."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in _NOBODY:
                return
            if self.is_news(error):
                raise
            self.visits.make_room()
            time.sleep(SCARCITY_SECONDS)
            return
        conn = Held(self, sock, address, listener.getsockname())
        visit = self.visits.come(conn, address, lambda: conn.sock)
        if visit is None:
            turn_away(sock, too_many())
            sock.close()
            return
        conn.visit = visit
        self.nr_conns += 1
        if self.alive:
            self._track(sock)
        self.enqueue_req(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End the worker. Its main loop is woken: else it would look up to a second later, and accept until then."""
        if self.alive:
            self.method_queue.defer(lambda: None)
        super().handle_exit(sig, frame)

    def _track(self, client: Any) -> None:
        """Track a connection from its beginning."""
        raise NotImplementedError

    def is_news(self, error: OSError) -> bool:
        """Whether an accept failed for another reason than a lack of descriptors."""
        raise NotImplementedError

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread once its next head is whole; until then the main loop reads it."""
        if self.alive and self._can_read(conn):
            if conn.parser is None:
                conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.data_ready = True
            if not is_whole(conn.parser.unreader.buf.getvalue()):
                conn.visit.wait_for_head()
                conn.sock.setblocking(False)
                self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_head, conn))
                return
        conn.visit.enter(QUEUED)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve a connection's next request, in a thread."""
        conn.visit.in_thread = True
        conn.visit.enter(WORKING if self._can_read(conn) else READING)  # its head has come, or is to be read
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has come."""
        conn.visit.begin(req)
        try:
            return super().handle_request(req, conn)
        finally:
            conn.visit.enter(WORKING)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep a connection whose request was answered, or close it; runs in the main loop."""
        conn.visit.wait_for_head()
        super().finish_request(conn, fs)

    def handle_http2(self, conn: Any) -> Any:
        """Serve a connection of HTTP/2, whose requests gunicorn bounds itself, in a thread."""
        conn.visit.enter(STREAMING)
        return super().handle_http2(conn)

    def linger(self, conn: Any) -> bool:
        """Close the sending side now, and the rest when the client has closed; False where that is impossible."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn, [0]))
        except (OSError, ValueError, KeyError):
            return False
        conn.visit.enter(CLOSING)
        return True

    def _can_read(self, conn: Any) -> bool:
        plain = not self.cfg.is_ssl and getattr(self.cfg, "protocol", "http") == "http" and not conn.is_http2
        return plain and not negotiation.prior_knowledge_allowed(self.cfg, conn.client)

    def _read_head(self, conn: Any, sock: Any) -> None:
        try:
            data = sock.recv(HEAD_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.poller.unregister(sock)
            self.nr_conns -= 1
            conn.close()
            return
        buffer = conn.parser.unreader.buf
        size = buffer.seek(0, 2)
        buffer.write(data)
        with buffer.getbuffer() as head:
            begin = max(0, size - JUNCTION_BYTES)  # earlier bytes were searched before
            whole = is_whole(bytes(head[begin:]), size - begin) or len(head) >= HEAD_BYTES
        if whole:
            self.poller.unregister(sock)
            self.enqueue_req(conn)
        else:
            conn.visit.size = size + len(data)

    def _drain(self, conn: Any, drained: list[int], sock: Any) -> None:
        try:
            data = sock.recv(DRAINED_BYTES)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        drained[0] += len(data)
        if not data or drained[0] >= DRAINED_BYTES:
            self.poller.unregister(sock)
            conn.close()
