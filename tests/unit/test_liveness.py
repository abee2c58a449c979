"""What is promised about clients that leave: each is reported once, and no other; one that does not answer is cut."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from poslogs.servers.liveness import Disconnects
from poslogs.servers.losses import LEAST_PATIENCE_SECONDS
from poslogs.servers.readiness import Readiness
from poslogs.servers.sockets import Connection
from poslogs.supervisor import Supervisor
from tests.unit.doubles import eventually

SPAN = 2.0


class Told:
    """Counts the reports that a reader has left."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: the server's end, and its client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            yield accepted, client


def connection(sock: socket.socket) -> Connection:
    return Connection({"gunicorn.socket": sock})


@pytest.mark.parametrize("epoll", [True, False])
def test_who_leaves_is_told_once(pair: tuple[socket.socket, socket.socket], epoll: bool) -> None:
    """The kernel reports it; where it cannot, a look finds it."""
    disconnects = Disconnects(Supervisor(), 0.4)
    if not epoll:
        disconnects.make_readiness = lambda: Readiness(None, select.poll)
    left = Told()
    stop = disconnects.watch(connection(pair[0]), left)
    assert left.times == 0
    pair[1].close()
    eventually(lambda: left.times == 1)
    stop()
    assert left.times == 1


@pytest.mark.parametrize("epoll", [True, False])
def test_who_waits_for_one_answer_may_have_closed_the_sending_side(
    pair: tuple[socket.socket, socket.socket], epoll: bool
) -> None:
    """A client that does so, as nc -N does, is still there. One that resets is not, where the kernel reports that."""
    disconnects = Disconnects(Supervisor(), 0.4)
    if not epoll:
        disconnects.make_readiness = lambda: Readiness(None, select.poll)
    patient, other = Told(), Told()
    disconnects.watch(connection(pair[0]), patient, until_reset=True)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            disconnects.watch(connection(accepted), other)
            pair[1].shutdown(socket.SHUT_WR)
            client.shutdown(socket.SHUT_WR)
            eventually(lambda: other.times == 1)  # which is seen no earlier
    assert patient.times == 0
    if epoll:
        pair[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        pair[1].close()
        eventually(lambda: patient.times == 1)


def test_who_is_no_longer_watched_is_not_told(pair: tuple[socket.socket, socket.socket]) -> None:
    """The stream has ended, and its connection may be used for another request."""
    disconnects = Disconnects(Supervisor(), 0.4)
    first, second = Told(), Told()
    stop = disconnects.watch(connection(pair[0]), first)
    stop()
    stop()
    disconnects.watch(connection(pair[0]), second)
    stop()
    pair[1].close()
    eventually(lambda: second.times == 1)
    assert first.times == 0


def test_a_connection_that_is_closed_already_has_left(pair: tuple[socket.socket, socket.socket]) -> None:
    """It may close between the request and its stream."""
    pair[0].close()
    left = Told()
    Disconnects(Supervisor()).watch(connection(pair[0]), left)()
    assert left.times == 1


def test_a_server_that_is_asked_is_asked_while_the_stream_lasts() -> None:
    """waitress lends no socket, but can say whether the client has gone."""
    gone = threading.Event()
    left = Told()
    asked = Connection({"waitress.client_disconnected": gone.is_set})
    disconnects = Disconnects(Supervisor(), 0.4)
    disconnects.watch(asked, left)
    other = Told()
    disconnects.watch(Connection({"waitress.client_disconnected": lambda: False}), other)
    assert asked.gone() is False
    gone.set()
    eventually(lambda: left.times == 1)
    assert other.times == 0


def test_where_nothing_tells_nothing_is_watched() -> None:
    """That is so under uWSGI and mod_wsgi."""
    nobody = Connection({})
    assert nobody.gone() is None
    assert nobody.unanswered(time.monotonic()) is None
    nobody.cut()
    nobody.stop_reading()
    Disconnects(Supervisor()).watch(nobody, Told())()


def test_a_client_that_answers_is_never_silent_also_while_it_reads_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Its buffers are full. The kernel probes, and the client answers that it has no room."""
    pair[0].setblocking(False)
    stalled = connection(pair[0])
    with contextlib.suppress(BlockingIOError):
        while True:
            pair[0].send(b"x" * 65536)
    end = time.monotonic() + SPAN
    told = set()

    def over() -> bool:
        told.add(stalled.unanswered(time.monotonic()))
        return time.monotonic() > end

    eventually(over)
    assert None in told
    # A probe that is under way at one look is answered at the next.
    assert all(silent is None or silent < LEAST_PATIENCE_SECONDS for silent in told)


def test_what_has_no_tcp_is_never_silent() -> None:
    """A Unix socket is never silent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert connection(ours).unanswered(5.0) is None


class Kernel:
    """A socket whose TCP state a test sets. Something that was sent is not acknowledged."""

    def __init__(self, sent: socket.socket) -> None:
        self.fileno = sent.fileno
        self.sent_again, self.probes, self.since_ack = 0, 0, 0

    def getsockopt(self, *_: Any) -> bytes:
        head = bytes([1, 0, self.sent_again, self.probes]) + bytes(52)
        return head + self.since_ack.to_bytes(4, "little")


class Sending:
    """A sender, as far as looks at its connection need it."""

    def __init__(self) -> None:
        self.beat_due = time.monotonic()


def test_a_connection_is_looked_at_until_what_was_sent_is_acknowledged_and_again_when_more_was_sent() -> None:
    """If all is well there is one look for each heartbeat: a settled connection is left alone."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"something")
        kernel = Kernel(ours)
        looked = Told()
        kernel.getsockopt = lambda *_: (looked(), Kernel.getsockopt(kernel))[1]  # type: ignore[method-assign]
        disconnects, sending = Disconnects(Supervisor(), 0.8), Sending()
        disconnects.make_readiness = lambda: Readiness(None, select.poll)
        lost = Connection({"gunicorn.socket": kernel})
        kernel.recv = lambda *_: b"."  # type: ignore[attr-defined]
        disconnects.watch(lost, Told(), sending)
        eventually(lambda: looked.times > 2)
        theirs.recv(100)
        eventually(lambda: lost.settled == sending.beat_due)
        times = looked.times
        ours.send(b"more")
        sending.beat_due = time.monotonic()
        eventually(lambda: looked.times > times)


@pytest.mark.parametrize("sign", ["sent_again", "probes"])
def test_silence_is_counted_from_the_first_look_that_saw_it_and_ends_with_any_answer(sign: str) -> None:
    """Silence is data sent again and again, or probes of a closed window, without an acknowledgement."""
    ours, theirs = socket.socketpair()
    ours.send(b"something")
    kernel = Kernel(ours)
    lost = Connection({"gunicorn.socket": kernel})
    assert lost.unanswered(100.0) is None
    kernel.since_ack = 15_000
    assert lost.unanswered(115.0) is None  # nothing was to be acknowledged
    setattr(kernel, sign, 2)
    assert [lost.unanswered(now) for now in (116.0, 117.0, 118.5)] == [0.0, 1.0, 2.5]
    kernel.since_ack = 500  # it answered, and has been silent since
    assert [lost.unanswered(now) for now in (120.0, 120.25)] == [0.0, 0.25]
    setattr(kernel, sign, 0)
    assert lost.unanswered(125.0) is None
    setattr(kernel, sign, 2)
    assert lost.unanswered(126.0) == 0.0
    theirs.recv(100)  # all is acknowledged, whatever else the kernel reports
    assert lost.unanswered(127.0) is None
    ours.close()
    theirs.close()


def test_a_hang_up_ends_the_waiting_of_connections_that_ask_for_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """That holds for connections known before it and after it. What they had sent can still be read."""
    disconnects = Disconnects(Supervisor())
    disconnects.track(pair[0])
    pair[1].sendall(b"GET /")
    assert pair[0].recv(1) == b"G"
    disconnects.release_idle()
    assert (pair[0].recv(10), pair[0].recv(10)) == (b"ET /", b"")
    for sent in (b"", b"GET /late"):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(sent)
            disconnects.track(ours)
            assert ours.recv(10) == sent
            assert ours.recv(1) == b""


def test_a_cut_frees_whoever_waits_to_write(pair: tuple[socket.socket, socket.socket]) -> None:
    """The client reads nothing. The writer gets an error."""
    over = threading.Event()

    def write() -> None:
        try:
            while True:
                pair[0].sendall(b"x" * 65536)
        except OSError:
            over.set()

    threading.Thread(target=write, daemon=True).start()
    connection(pair[0]).cut()
    assert over.wait(5)


class Reporter:
    """An epoll whose reports come late: a close is reported only when the test allows it."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ours, self._theirs = socket.socketpair()
        self.register, self.unregister, self.modify = self._epoll.register, self._epoll.unregister, self._epoll.modify
        self.held: list[tuple[int, int]] = []

    def fileno(self) -> int:
        """A descriptor that is readable once there is something to report."""
        return self._ours.fileno()

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        self._ours.recv(1)
        held, self.held = self.held, []
        return held

    def keep(self) -> None:
        """Take what the kernel reports now, and hold it back."""
        eventually(lambda: self.held.extend(self._epoll.poll(0)) or self.held)

    def tell(self) -> None:
        self._theirs.send(b".")


@contextlib.contextmanager
def connected(number: int | None = None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: the server's end, under this very descriptor number if it is given, and its client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        if number is not None and accepted.fileno() != number:
            os.dup2(accepted.fileno(), number)
            accepted.close()
            accepted = socket.socket(fileno=number)
        with accepted:
            yield accepted, client


def test_a_report_of_one_that_left_never_ends_another_that_got_its_number() -> None:
    """The kernel reports a reset. Before the report is read, the descriptor is closed and is a healthy stream's."""
    disconnects = Disconnects(Supervisor(), 0.4)
    reporter = Reporter()
    disconnects.make_readiness = lambda: Readiness(lambda: reporter, select.poll)
    first, second = Told(), Told()
    with connected() as (ours, theirs):
        number = ours.fileno()
        stop = disconnects.watch(connection(ours), first)
        theirs.close()
        reporter.keep()
        stop()
    with connected(number) as (ours, theirs):
        assert ours.fileno() == number
        disconnects.watch(connection(ours), second)
        reporter.tell()
        eventually(lambda: not reporter.held)
        theirs.sendall(b"still here")
        assert ours.recv(10) == b"still here"
        assert (first.times, second.times) == (0, 0)
        theirs.close()
        reporter.keep()
        reporter.tell()
        eventually(lambda: second.times == 1)
    assert first.times == 0


def test_who_stops_watching_waits_until_it_is_known_whether_the_client_has_left() -> None:
    """So nothing is closed, and no number goes to another, while the socket is being asked."""
    disconnects = Disconnects(Supervisor(), 0.4)
    asked, answer = threading.Event(), threading.Event()

    def slow() -> bool:
        asked.set()
        assert answer.wait(5)
        return True

    left = Told()
    stop = disconnects.watch(Connection({"waitress.client_disconnected": slow}), left)
    assert asked.wait(5)
    answer.set()
    eventually(lambda: left.times == 1)
    stop()
    answer.clear()
    asked.clear()
    calls = iter([False, True])  # the look that asks before the client is taken, and the one after it

    def slow_then(*_: object) -> bool:
        if next(calls, None) is False:
            return True
        asked.set()
        assert answer.wait(5)
        return False

    stop = disconnects.watch(Connection({"waitress.client_disconnected": slow_then}), left)
    assert asked.wait(5)
    stopped = threading.Event()
    threading.Thread(target=lambda: (stop(), stopped.set()), daemon=True).start()
    assert not stopped.wait(0.1)
    answer.set()
    assert stopped.wait(5)
    assert left.times == 1


def test_whoever_waits_to_send_to_one_that_left_goes_on_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    """The client has closed its sending side and reads nothing. The owner goes on, and ends what is left."""
    left = Told()
    Disconnects(Supervisor(), 0.4).watch(connection(pair[0]), left)
    over = threading.Event()

    def write() -> None:
        with contextlib.suppress(OSError):
            while True:
                pair[0].sendall(b"x" * 65536)
        over.set()

    threading.Thread(target=write, daemon=True).start()
    pair[1].shutdown(socket.SHUT_WR)
    assert over.wait(5)
    assert left.times == 1


def test_a_child_has_a_kernel_s_ear_of_its_own(pair: tuple[socket.socket, socket.socket]) -> None:
    """After a process has watched and forked, the child's connections are the child's alone."""
    disconnects = Disconnects(Supervisor(), 0.4)
    disconnects.watch(connection(pair[0]), Told())
    parents = disconnects._finders().watches
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # no assertion here: a child must not run the tests
        ours, theirs = socket.socketpair()
        told = threading.Event()
        disconnects.watch(connection(ours), told.set)
        theirs.close()
        own = disconnects._finders().watches is not parents and len(disconnects._finders().watches.all()) <= 1
        os.write(write, b"yes" if told.wait(5) and own else b"no")
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"yes"
    os.close(read)
    os.waitpid(pid, 0)
