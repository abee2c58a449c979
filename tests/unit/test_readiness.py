"""What waiting for descriptors promises."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator

import pytest

from poslogs.servers.readiness import HALF_CLOSED, READABLE, RESET, WRITABLE, Readiness, wait_for
from tests.unit.doubles import PATIENCE


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_descriptor_is_waited_for_until_it_shows_a_sign_or_the_time_is_over(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Room shows at once, bytes once they are sent, and an error counts as any sign."""
    ours, theirs = pair
    assert wait_for(ours.fileno(), WRITABLE, PATIENCE)
    assert not wait_for(ours.fileno(), READABLE, 0.01)
    theirs.send(b".")
    assert wait_for(ours.fileno(), READABLE, PATIENCE)
    theirs.close()
    assert wait_for(ours.fileno(), 0, PATIENCE)


def test_of_watched_descriptors_those_are_named_that_show_a_sign(pair: tuple[socket.socket, socket.socket]) -> None:
    """Discarded ones are not named any more."""
    ours, theirs = pair
    readiness = Readiness.of_system()
    readiness.add(ours.fileno(), HALF_CLOSED | RESET)
    readiness.add(theirs.fileno(), HALF_CLOSED | RESET)
    assert readiness.wait(0.01) == []
    assert not readiness.shows(ours.fileno(), HALF_CLOSED)
    theirs.shutdown(socket.SHUT_WR)
    assert readiness.wait(PATIENCE) == [ours.fileno()]
    assert readiness.shows(ours.fileno(), HALF_CLOSED)
    readiness.discard(ours.fileno())
    assert readiness.wait(0.01) == []


def test_a_number_that_is_watched_already_may_be_added_again(pair: tuple[socket.socket, socket.socket]) -> None:
    """Its descriptor was closed, a copy keeps the connection, and the number is another connection's."""
    ours, theirs = pair
    readiness = Readiness.of_system()
    number = ours.fileno()
    readiness.add(number, RESET)
    readiness.add(number, READABLE)
    theirs.send(b".")
    assert readiness.wait(PATIENCE) == [number]


def test_what_is_closed_already_may_be_discarded() -> None:
    """The kernel has forgotten it."""
    reading, writing = os.pipe()
    readiness = Readiness.of_system()
    readiness.add(reading, READABLE)
    os.close(reading)
    os.close(writing)
    readiness.discard(reading)
    assert readiness.wait(0.01) == []


def test_where_there_is_no_epoll_nothing_can_be_watched_but_a_descriptor_can_be_asked(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """That is so on systems other than Linux."""
    readiness = Readiness(None, select.poll)
    assert not readiness.can_watch
    assert readiness.shows(pair[0].fileno(), WRITABLE)
