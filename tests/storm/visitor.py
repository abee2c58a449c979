"""A visitor: one connection of a storm, from its request to its leaving."""

from __future__ import annotations

import errno
import random
import re
import socket
import struct
import time
from collections.abc import Callable

from tests.storm.loop import READ, WRITE, Loop
from tests.storm.side import Side
from tests.storm.tally import Tally
from tests.support.body import Body

ENTRY = re.compile(rb'id: (\d+)\nevent: data\ndata: .*\\"message\\":\\"(\w+) (\d+) ')
RESET = struct.pack("ii", 1, 0)


class Visitor:
    """Sends one request at once and takes what comes, in full or not at all, until it leaves.

    The tally gets every end that it did not ask for, bytes of the other side, and entries that are not the next.
    """

    kind = "reader"
    receive_buffer: int | None = None  # bytes
    reads = True
    takes = 1 << 18  # bytes at once
    asks = "stream"  # or "call", whose answer has an end of its own
    waits = False  # whether it keeps the last byte of its request back until `go`
    answers = ("200",)  # statuses

    def __init__(self, loop: Loop, tally: Tally, port: int, side: Side, position: int, chance: random.Random) -> None:
        self.loop = loop
        self.tally = tally
        self.side = side
        self.chance = chance
        self.position = max(position, side.first - 1)  # the id of the last entry
        self.came = 0  # entries
        self.beats = 0
        self.told_open = False
        self.gone = False  # it left, or was left
        self.ended = ""  # how the server ended it; empty while it did not
        self.last_at = self.since = time.monotonic()
        self.when_gone: Callable[[], None] = lambda: None
        self._request = side.stream(position) if self.asks == "stream" else side.call(10_000)
        self._head = b""
        self._body: Body | None = None
        self._connected = False
        self._answered = False
        tally.opened[self.kind] += 1
        self.sock = socket.socket()
        self.sock.setblocking(False)
        if self.receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        begun = self.sock.connect_ex(("127.0.0.1", port))
        assert begun in (0, errno.EINPROGRESS), errno.errorcode.get(begun, begun)
        loop.watch(self.sock, WRITE, self)

    def ready(self) -> None:
        """Handle a socket that is connected, or has bytes or an end."""
        if self.gone:
            return
        try:
            if not self._connected:
                self._ask()
                return
            if not self._answered:
                self._answered = True
                self.answered()
            if not self.reads:
                self.loop.watch(self.sock, 0, self)
                return
            data = self.sock.recv(self.takes)
        except BlockingIOError:
            return
        except OSError as error:
            self._left(type(error).__name__)
            return
        self.last_at = time.monotonic()
        if not data:
            self._left("EOF")
            return
        try:
            self._take(data)
        except (AssertionError, ValueError) as error:
            self.tally.wrong(f"{self}: {type(error).__name__}: {str(error)[:200]}")
            self.leave()

    def go(self) -> None:
        """Stop keeping the last byte of the request back."""
        if self.waits and not self.gone:
            self.waits = False
            try:
                if self._connected:
                    self._send(self._request[-1:])
            except OSError as error:
                self._left(type(error).__name__)

    def leave(self, *, reset: bool | None = None) -> None:
        """Leave by RST or FIN, by chance where it is not said; a FIN with bytes left to read makes the kernel reset."""
        if self.gone:
            return
        if reset if reset is not None else self.chance.random() < 0.5:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._close()

    def connected(self) -> None:
        """Called when the request is sent, all of it or all but its last byte."""

    def answered(self) -> None:
        """Called when the first byte is there, or an end."""

    def opened(self) -> None:
        """Called when the stream has said `: open`."""

    def __str__(self) -> str:
        return (
            f"{self.kind} of {self.side.name} after {time.monotonic() - self.since:.3f} s, "
            f"{'behind' if self.told_open else 'before'} `: open`, with {self.came} entries"
        )

    def _ask(self) -> None:
        if (failed := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) != 0:
            raise OSError(failed, "the connect failed")
        self._connected = True
        self._send(self._request[: -1 if self.waits else None])
        self.loop.watch(self.sock, READ, self)
        self.connected()

    def _send(self, data: bytes) -> None:
        assert self.sock.send(data) == len(data)

    def _take(self, data: bytes) -> None:
        if strange := data.count(self.side.foreign):
            self.tally.spill(str(self), strange * len(self.side.foreign))
        if self._body is None:
            head, separator, data = (self._head + data).partition(b"\r\n\r\n")
            if not separator:
                self._head = head
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            assert first.split()[1] in self.answers, f"{head[:300]!r} {data[:300]!r}"
            self._body = Body(
                {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            )
        for chunk in self._body.feed(data):
            if self.asks == "stream":
                self._read(chunk)
            if self.gone:
                return
        if self._body.complete:
            if self.asks == "stream":
                self._left("its last chunk")
            else:
                self.leave(reset=False)

    def _read(self, chunk: bytes) -> None:
        assert chunk.endswith(b"\n\n"), f"half a frame: {chunk[-100:]!r}"
        if not self.told_open:
            assert chunk.startswith(b": open\n\n"), f"begins with {chunk[:100]!r}"
            self.told_open = True
            self.tally.begun[self.kind] += 1
            self.opened()
        if b": heartbeat\n\n" in chunk:
            self.beats += chunk.count(b": heartbeat\n\n")
            self.tally.beats += 1
        found = ENTRY.findall(chunk)
        assert len(found) == chunk.count(b"event: data\n"), f"entries that are not ours: {chunk[:300]!r}"
        for number, name, said in found:
            assert name == self.side.name.encode(), f"an entry of {name!r}"
            assert int(said) == int(number) == self.position + 1, (
                f"entry {number!r} says {said!r} after {self.position}"
            )
            self.position += 1
        self.came += len(found)
        self.tally.entries += len(found)

    def _left(self, how: str) -> None:
        self.ended = how
        self.tally.end(f"{self}, by {how}")
        self._close()

    def _close(self) -> None:
        self.gone = True
        self.loop.watch(self.sock, 0, self)
        self.sock.close()
        self.when_gone()
