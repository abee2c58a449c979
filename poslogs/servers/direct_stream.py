"""A direct stream: one that no greenlet waits for, on a socket taken from gunicorn's gevent worker.

Who may do what to it, and who moves it from state to state, is docs/decisions/0013-one-owner.md.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Final

from poslogs.servers.outlet import Outlet
from poslogs.servers.sockets import STALL_SECONDS, Connection
from poslogs.streaming.body import Body
from poslogs.streaming.frames import HEARTBEAT, Chunk
from poslogs.streaming.publication import Publication
from poslogs.streaming.reason import Reason

if TYPE_CHECKING:
    from poslogs.servers.direct import DirectStreams

log = logging.getLogger("poslogs.direct")

RESTING: Final = "resting"  # nobody's: a greenlet may take it up, or make it SENDING for one send
SENDING: Final = "sending"  # of the greenlet that is in the middle of one send, which cannot wait
OWNED: Final = "owned"  # of the greenlet that drives it
OVER: Final = "over"  # closed; nobody touches it any more
_LAST: Final = b"0\r\n\r\n"  # the chunk that ends a body (RFC 9112, section 7.1)


class DirectStream(Outlet):
    """One stream on its socket, in HTTP/1.1's chunked coding or as plain bytes (HTTP/1.0); the `wake` of its stream.

    At any moment it has one owner, or it has none and rests (`state`). Anyone else leaves a note (`set`), which the
    owner sees before it lets go. Taking up and letting go are one assignment each, and nothing between that and the
    look before it can change greenlets. Only the owner iterates, closes, or waits.
    """

    __slots__ = ("_called", "_direct", "_steps", "due", "planned", "state", "stream")

    def __init__(self, direct: DirectStreams, body: Body, connection: Connection, head: bytes, chunked: bool) -> None:
        self.stream = body.stream
        self.state = OWNED
        self.due = math.inf  # monotonic: when the stream wants its next turn
        self.planned = math.inf  # monotonic: when it is looked at
        self._direct = direct
        self._steps = body.stream.steps()
        super().__init__(connection, chunked=chunked, gzip=body.gzip)
        self._called = False  # the note: there may be something to do
        self.stream.wake = self.stream.direct = self
        first = next(self._steps)
        assert isinstance(first, Chunk)
        self._rest = head + self._coded(first)  # head and first chunk in one write

    # What anyone may do: leave a note

    def set(self) -> None:
        """Note that there may be something to do: the owner sees it, or the stream gets an owner."""
        self._called = True
        if self.state is RESTING:
            self._take_up()

    def clear(self) -> None:
        """Clear the note: the stream is about to look."""
        self._called = False

    # What may be sent while it rests, and cannot wait

    def publish(self, publication: Publication) -> bool:
        """Send a publication at once, if the stream rests; False when the stream must take it in a turn of its own."""
        if self.state is not RESTING:
            return False
        self.state = SENDING
        try:
            return self.stream.passes(publication, self._give)
        except Exception as error:  # noqa: BLE001 - of one stream; the others get theirs
            self._spoil(error)
            return True
        finally:
            self._let_go()

    def beat(self, until: float) -> None:
        """Send a heartbeat that is due by `until` (monotonic), or have the stream do so in a turn of its own."""
        stream = self.stream
        if self.state is not RESTING or stream.beat_due > until:
            return
        now = time.monotonic()
        self.state = SENDING
        try:
            if stream.beats(now):
                self._give(HEARTBEAT)
            elif stream.beat_due <= now:
                self._called = True
        except Exception as error:  # noqa: BLE001 - as above
            self._spoil(error)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """End a send: the stream rests again, or gets an owner for what is left to do."""
        assert self.state is SENDING
        if self._called or self._rest is not None:
            self._take_up()
        else:
            self.state = RESTING

    def _take_up(self) -> None:
        """Start an owner for a stream that has none."""
        assert self.state in (RESTING, SENDING)
        self.state = OWNED
        try:
            self._direct.start(self.drive)
        except BaseException:  # such as MemoryError: the next note tries again
            self.state = RESTING
            raise

    def _give(self, chunk: Chunk) -> None:
        try:
            self._put(self._coded(chunk))
        except OSError:
            self._connection.shut()  # the chunk may have left in part, and nothing may follow that
            self.stream.disconnected()

    def _spoil(self, error: Exception) -> None:
        self._direct.failed(error)
        self._connection.shut()  # its gzip member may count what never left; no trailer is better than a wrong one
        self.stream.end(reason=Reason.FAILED)

    # What its owner does

    def drive(self) -> None:
        """Send what the stream has to send, until it rests or is over; runs in a greenlet of its own."""
        assert self.state is OWNED
        rests = False
        try:
            while not rests and (due := self._advance()) is not None:
                self.due = due
                if due < self.planned:
                    self._direct.plan(self)
                if not self._called:
                    assert self.state is OWNED
                    rests = True
                    self.state = RESTING
        except OSError as error:
            log.debug("The reader had already gone.", exc_info=True)
            # From `wait_for_room` or from the kernel (decision 7).
            self.stream.end(reason=Reason.STALLED if isinstance(error, TimeoutError) else Reason.LEFT)
        except Exception as error:  # noqa: BLE001 - of one stream; the others go on
            self._direct.failed(error)
            self.stream.end(reason=Reason.FAILED)
        finally:
            if not rests:
                self.close()

    def _advance(self) -> float | None:
        """Send what there is. Returns the monotonic time until which to wait for more; None at the end.

        Raises OSError when the reader has gone, or has read nothing for STALL_SECONDS.
        """
        if self._rest is not None:
            self._write(b"")
        for step in self._steps:
            if isinstance(step, Chunk):
                self._write(self._coded(step))
            elif not self._called:
                return step
        end = self._framed(self._member.end()) if self._member else b""
        self._write(end + _LAST if self._chunked else end)
        return None

    def _write(self, data: bytes) -> None:
        """Send all of it, and wait for room where there is none, each time for STALL_SECONDS at most."""
        self._put(data)
        while self._rest is not None:
            self._connection.wait_for_room(STALL_SECONDS)
            self._put(b"")

    def close(self) -> None:
        """End the stream and close its connection; by its owner."""
        assert self.state is OWNED
        self.state = OVER
        self._direct.closed()
        try:
            self._steps.close()
        except Exception as error:  # noqa: BLE001 - what follows must be given back all the same
            self._direct.failed(error)
        finally:
            self.stream.close()  # closing a generator that was never iterated runs none of its code
            self._connection.close()
            self._rest = None
            self._weigh()

    def cut_off(self) -> None:
        """End the stream: it holds more than its share of large pieces."""
        self._connection.shut()
        self.stream.end(reason=Reason.CUT)
