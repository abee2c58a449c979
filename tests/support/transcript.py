"""What a reader has received so far, and the ways to wait for more of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.body import Body, Inflater
from tests.support.frame import Frame, FrameParser

HEAD_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of the body as the server framed it, still compressed where it compresses."""

    data: bytes
    at: float


class Transcript:
    """One answer as it arrives.

    Properties show what has arrived so far; `status`, `headers` and `json` wait for it. When what arrives is broken
    (frames, framing, gzip), `failure` holds the error, and every waiting method raises it.
    """

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.frames: list[Frame] = []
        self.chunks: list[Chunk] = []
        self.entries: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.header_list: list[tuple[str, str]] = []
        self.body = b""  # of an answer that is not a stream
        self.ended = False  # the connection is over; either side may have ended it
        self.ended_clean = False  # the terminating chunk, or the length that was announced, was seen
        self._status: int | None = None
        self._inflater: Inflater | None = None
        self._streams = False
        self._parser = FrameParser()
        self._news = threading.Condition()

    @property
    def status(self) -> int:
        """The status of the answer; waits for its head."""
        self.wait_until(lambda: self._status is not None, HEAD_TIMEOUT_S)
        assert self._status is not None, f"no answer\n{self.dump()}"
        return self._status

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case; waits for the head."""
        assert self.status
        return {name.lower(): value for name, value in self.header_list}

    @property
    def json(self) -> Any:
        """The body of an answer that is not a stream. Waits for its end."""
        self.wait_end(HEAD_TIMEOUT_S)
        return json.loads(self.body)

    @property
    def entry_ids(self) -> list[str]:
        """The ids inside the entries, in the order of their arrival."""
        return [entry["id"] for entry in list(self.entries)]

    @property
    def comments(self) -> list[str]:
        """The texts of the comments."""
        return [frame.comment for frame in list(self.frames) if frame.comment is not None]

    @property
    def done(self) -> bool:
        """Whether the stream said that it is complete."""
        return any(frame.event == "done" and frame.data == "[DONE]" for frame in reversed(list(self.frames)))

    @property
    def last_id(self) -> str | None:
        """The position to continue from: the last `id:` line."""
        return next((frame.id for frame in reversed(list(self.frames)) if frame.id is not None), None)

    @property
    def unfinished(self) -> bytes:
        """What came after the last whole frame."""
        return self._parser.rest

    @property
    def gzip_ended_right(self) -> bool:
        """Whether the body was gzip and ended with a right trailer."""
        return self._inflater is not None and self._inflater.ended_right

    def wait_until(self, predicate: Callable[[], bool], timeout: float = 10) -> None:
        """Waits until `predicate` holds, and checks it at each arrival. Returns too when nothing more can arrive.

        AssertionError when neither happened in time, and at a failure.
        """
        with self._news:
            over = self._news.wait_for(lambda: predicate() or self.ended or self.failure is not None, timeout)
        if self.failure is not None:
            raise AssertionError(f"the answer is broken: {self.failure!r}\n{self.dump()}") from self.failure
        assert over, f"waited {timeout} s in vain\n{self.dump()}"

    def wait_entries(self, count: int, timeout: float = 10) -> list[dict[str, Any]]:
        """The entries as soon as there are `count`."""
        self.wait_until(lambda: len(self.entries) >= count, timeout)
        assert len(self.entries) >= count, f"ended before {count} entries\n{self.dump()}"
        return list(self.entries)

    def wait_frame(self, predicate: Callable[[Frame], bool], timeout: float = 10) -> Frame:
        """The first frame that `predicate` takes, arrived already or to come."""
        found: list[Frame] = []
        seen = 0

        def look() -> bool:
            nonlocal seen
            fresh, seen = self.frames[seen:], len(self.frames)
            found.extend(frame for frame in fresh if predicate(frame))
            return bool(found)

        self.wait_until(look, timeout)
        assert found, f"ended without the frame\n{self.dump()}"
        return found[0]

    def wait_end(self, timeout: float = 10) -> None:
        """Wait until the connection is over."""
        self.wait_until(lambda: False, timeout)

    def dump(self) -> str:
        """What arrived, for people."""
        tail = "\n".join(f"  {frame.raw[:300]!r}" for frame in self.frames[-8:])
        return (
            f"status {self._status}, {self.header_list}\n{len(self.frames)} frames, {len(self.entries)} entries, "
            f"ended={self.ended} clean={self.ended_clean} done={self.done}; body {self.body[:500]!r}, "
            f"unfinished {self.unfinished[:300]!r}; the last frames:\n{tail}"
        )

    def begin(self, head: bytes) -> Body:
        """Note the head, and the body that is to come."""
        first, *lines = head.decode("latin-1").split("\r\n")
        self.header_list = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        headers = {name.lower(): value for name, value in self.header_list}
        self._inflater = Inflater() if headers.get("content-encoding") == "gzip" else None
        self._streams = headers.get("content-type", "").startswith("text/event-stream")
        with self._news:
            self._status = int(first.split()[1])
            self._news.notify_all()
        return Body(headers)

    def take(self, body: Body, data: bytes) -> None:
        """Note what `data` brings."""
        now = time.monotonic()
        for chunk in body.feed(data):
            plain = chunk if self._inflater is None else self._inflater.feed(chunk)
            frames = self._parser.feed(plain, now) if self._streams else []
            with self._news:
                self.chunks.append(Chunk(chunk, now))
                self.body += b"" if self._streams else plain
                for frame in frames:
                    self.frames.append(frame)
                    if frame.event in ("data", "error"):
                        (self.entries if frame.event == "data" else self.errors).append(frame.inner)
                self._news.notify_all()

    def over(self) -> None:
        """Note that nothing more will come."""
        with self._news:
            self.ended = True
            self._news.notify_all()


def chunks_hold_whole_frames(reader: Transcript) -> bool:
    """Whether no frame was split over two chunks. It only means something without gzip."""
    return all(chunk.data.endswith(b"\n\n") for chunk in list(reader.chunks))
