"""What visits promise: whose time is over, which go first when room runs out, and which are never cut."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from poslogs.servers import visits as module
from poslogs.servers.visit import (
    ANSWERING,
    CLOSING,
    QUEUED,
    READING,
    VISIT,
    WORKING,
    Bounds,
    Visit,
    mark_known,
    reading,
)
from poslogs.servers.visits import Visits

JSON, STREAM = [("Content-Type", "application/json")], [("content-type", "text/event-stream; charset=utf-8")]


class Crowd:
    """Visits of real sockets, and a clock to turn."""

    def __init__(self, most: int = 40, each: int = 8, threads: int | None = None) -> None:
        self.now = 1000.0
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.later: list[Callable[[], None]] = []
        bounds = Bounds(most, each, 60.0, 5.0, threads)
        self.visits = Visits(bounds, lambda it: None if it == "proxy" else it, lambda run: run())

    def come(self, address: str = "proxy", state: str = "", *, known: bool = False) -> Visit | None:
        pair = socket.socketpair()
        self.pairs.append(pair)
        visit = self.visits.come(pair[0], (address, 1), lambda: pair[0])
        if visit is not None and state:
            visit.response = SimpleNamespace(headers=JSON, headers_sent=True, sent=0)
            visit.enter(state)
            visit.known = known
        return visit

    def turn(self, seconds: float) -> None:
        self.now += seconds
        self.visits.look()

    def gone(self) -> list[int]:
        """The numbers of the visits that are cut, in the order of their coming."""
        found = []
        for number, (_, theirs) in enumerate(self.pairs):
            theirs.setblocking(False)
            try:
                if not theirs.recv(1):
                    found.append(number)
            except BlockingIOError:
                pass
            except OSError:
                found.append(number)
        return found


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Crowd]]:
    """Makes a crowd."""
    made: list[Crowd] = []

    def crowd(*args: Any) -> Crowd:
        made.append(Crowd(*args))
        monkeypatch.setattr(module.time, "monotonic", lambda: made[-1].now)
        return made[-1]

    yield crowd
    for each in made:
        for pair in each.pairs:
            for sock in pair:
                sock.close()


def test_each_state_has_its_time(make: Callable[..., Crowd]) -> None:
    """A head has ten seconds, a body fifteen, an answer what is set, a close two; work and streams have no bound."""
    crowd = make()
    crowd.come()
    for state in (READING, ANSWERING, CLOSING, WORKING):
        crowd.come(state=state)
    streams = crowd.come(state=ANSWERING)
    assert streams is not None
    streams.response.headers = STREAM
    made = crowd.come(state=ANSWERING)
    assert made is not None
    made.response.headers_sent = False
    closing = crowd.pairs[3][0]
    closing.setblocking(False)
    for seconds, gone, over in (
        (1.9, [], False), (0.2, [], True), (7.8, [], True), (0.2, [0], True), (5.0, [0, 1], True),
        (45.0, [0, 1, 2], True),
    ):  # fmt: skip
        crowd.turn(seconds)
        assert crowd.gone() == gone
        assert ended(closing) is over
    crowd.turn(100_000)
    assert crowd.gone() == [0, 1, 2]


def ended(sock: socket.socket) -> bool:
    """Whether nothing more is read from a socket; what is on its way from it goes on."""
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_client_that_takes_its_answer_has_as_long_as_it_takes_and_a_stranger_has_not(
    make: Callable[..., Crowd],
) -> None:
    """The client takes some bytes a minute. Once it takes none its time is bounded too."""
    crowd = make()
    client, stranger = crowd.come(state=ANSWERING, known=True), crowd.come(state=ANSWERING)
    assert client is not None
    assert stranger is not None
    for _ in range(3):
        for visit in (client, stranger):
            visit.response.sent += 1000
        crowd.turn(59)
    assert crowd.gone() == [1]
    crowd.turn(59)
    crowd.turn(2)
    assert crowd.gone() == [0, 1]


def test_a_cut_that_waits_to_be_done_is_not_done_to_what_came_after(make: Callable[..., Crowd]) -> None:
    """Two looks before the thread that closes has its turn, and between them the connection has gone on."""
    crowd = make()
    later: list[Callable[[], None]] = []
    crowd.visits._there = later.append
    visit = crowd.come()
    assert visit is not None
    crowd.turn(11)
    visit.enter(WORKING)
    crowd.turn(1)
    for run in later:
        run()
    assert crowd.gone() == []
    assert not visit.cut


def test_an_answer_s_time_begins_with_its_first_byte(make: Callable[..., Crowd]) -> None:
    """While the answer is made its client is not to blame."""
    crowd = make()
    visit = crowd.come(state=ANSWERING)
    assert visit is not None
    visit.response.headers_sent = False
    crowd.turn(59)
    crowd.turn(59)
    visit.response.headers_sent = True
    crowd.turn(59)
    assert crowd.gone() == []
    crowd.turn(2)
    assert crowd.gone() == [0]


def test_idle_ones_go_first_then_heads_then_strangers_then_clients_and_streams_never(
    make: Callable[..., Crowd],
) -> None:
    """Of each kind the oldest goes, and none within 0.4 s. One that has shown a token in this request stays."""
    crowd = make(8, 8)
    stream = crowd.come(state=ANSWERING)  # 0
    assert stream is not None
    stream.response.headers = STREAM
    crowd.come(state=READING, known=True)  # 1
    client = crowd.come(state=ANSWERING, known=True)  # 2, which becomes an idle one of a client's
    crowd.come(state=ANSWERING)  # 3
    crowd.come()  # 4
    idle = crowd.come(state=ANSWERING)  # 5
    assert client is not None
    assert idle is not None
    client.wait_for_head()
    idle.wait_for_head()
    assert crowd.gone() == []
    crowd.now += 0.5
    crowd.come()  # 6: one is left of two that are to be free, so three go
    assert crowd.gone() == [3, 4, 5]
    for number in (3, 4, 5):
        crowd.visits.leave(crowd.pairs[number][0])
    crowd.now += 0.5
    for _ in range(3):
        crowd.come()
    crowd.turn(0.3)
    assert crowd.gone() == [2, 3, 4, 5, 6]


def test_who_has_gone_on_meanwhile_is_not_cut(make: Callable[..., Crowd]) -> None:
    """Where another thread cuts, the connection may be at its next request by then, or closed."""
    crowd = make()
    later: list[Callable[[], None]] = []
    crowd.visits._there = later.append
    visits = [crowd.come() for _ in range(3)]
    crowd.turn(11)
    assert len(later) == 3
    assert visits[0] is not None
    crowd.now += 0.1
    visits[0].enter(WORKING)
    crowd.visits.leave(crowd.pairs[1][0])
    for run in later:
        run()
    assert crowd.gone() == [2]
    assert not visits[0].cut


def test_an_address_has_so_many_and_an_idle_one_gives_way(make: Callable[..., Crowd]) -> None:
    """Streams and proxies are not counted. A connection that leaves makes room."""
    crowd = make(100, 4)
    for _ in range(9):
        assert crowd.come() is not None
    first = [crowd.come("a") for _ in range(4)]
    assert crowd.come("a") is None
    assert crowd.come("b") is not None
    assert first[0] is not None
    assert first[1] is not None
    first[0].answer(SimpleNamespace(headers=STREAM, headers_sent=True, sent=0))
    assert crowd.come("a") is not None
    assert crowd.come("a") is None
    first[1].answer(SimpleNamespace(headers=JSON, headers_sent=True, sent=0))
    first[1].wait_for_head()
    assert crowd.come("a") is None  # it is idle for too short a time
    crowd.now += 0.5
    assert crowd.come("a") is not None
    assert first[1].cut


def test_strangers_who_hold_threads_go_when_a_request_waits_for_one(make: Callable[..., Crowd]) -> None:
    """As many go as requests wait, then clients that do not send their bodies, but no answer to a client."""
    crowd = make(40, 8, 5)
    for _ in range(3):
        crowd.come(state=READING)
    crowd.come(state=ANSWERING, known=True)
    crowd.come(state=READING, known=True)
    crowd.turn(0.5)
    assert crowd.gone() == []
    crowd.come(state=QUEUED)
    crowd.turn(0.05)
    assert crowd.gone() == []
    crowd.turn(0.2)
    assert crowd.gone() == [0]
    for _ in range(3):
        crowd.come(state=QUEUED)
    crowd.turn(0.5)
    assert crowd.gone() == [0, 1, 2, 4]


def test_nobody_is_cut_for_a_thread_while_one_is_free(make: Callable[..., Crowd]) -> None:
    """On a busy machine a request waits for its turn, not for a thread; then the last one is taken."""
    crowd = make(40, 8, 4)
    for state in (READING, READING, WORKING, QUEUED):
        crowd.come(state=state)
    crowd.turn(0.5)
    crowd.turn(0.5)
    assert crowd.gone() == []
    crowd.come(state=WORKING)
    crowd.turn(0.5)
    assert crowd.gone() == [0]


def test_who_has_sent_what_is_not_read_yet_is_not_cut(make: Callable[..., Crowd]) -> None:
    """Neither for want of room, nor of a thread, nor when time is over; who has sent nothing is."""
    crowd = make(6, 8, 2)
    for state in ("", "", READING, READING, QUEUED):
        crowd.come(state=state)
    for number in (0, 2):
        crowd.pairs[number][1].sendall(b"GET / HTTP/1.1\r\n")
    crowd.turn(0.5)
    assert crowd.gone() == [1, 3]
    for number in (1, 3, 4):
        crowd.visits.leave(crowd.pairs[number][0])
    crowd.turn(20)
    assert crowd.gone() == [1, 3]
    for number in (0, 2):
        crowd.pairs[number][0].recv(100)
    crowd.turn(0.2)
    assert crowd.gone() == [0, 1, 2, 3]


class Swift(Visit):
    """One that goes on in the moment after it was found to be waiting."""

    __slots__ = ()

    def rank(self, now: float, threads: bool = False) -> int | None:
        """As any other's."""
        found = super().rank(now)
        self.go_on()
        return found

    def is_late(self, now: float, bounds: Bounds) -> bool:
        """As any other's."""
        found = super().is_late(now, bounds)
        if found:
            self.go_on()
        return found

    def go_on(self) -> None:
        """Be at work."""
        self.enter(WORKING)


@pytest.mark.parametrize("seconds", [0.5, 20])
def test_who_goes_on_while_it_is_chosen_is_not_cut(make: Callable[..., Crowd], seconds: float) -> None:
    """Another thread may change a visit's state between any two steps of a look."""
    crowd = make(40, 8, 2)
    for state in (WORKING, QUEUED):
        crowd.come(state=state)
    swift = crowd.come(state=READING)
    assert swift is not None
    swift.__class__ = Swift
    crowd.turn(seconds)
    assert crowd.gone() == []
    assert not swift.cut


def test_heads_that_are_not_whole_are_bounded_in_all(make: Callable[..., Crowd]) -> None:
    """Half of them go, the largest first."""
    crowd = make(4000)
    for number in range(6):
        crowd.come()
        crowd.visits.grew(crowd.pairs[number][0], (number + 1) << 20)
    crowd.turn(0.1)
    assert crowd.gone() == [2, 3, 4, 5]


def test_what_a_request_does_is_told_through_its_environ() -> None:
    """That is reading a body, and a known token. Under other workers nothing is noted."""
    visit = Visit(lambda: None, None)
    visit.enter(WORKING)
    environ = {VISIT: visit}
    with reading(environ):
        assert visit.state == READING
        with reading({}):
            mark_known({})
    assert visit.state == WORKING
    assert not visit.known
    mark_known(environ)
    assert visit.known
