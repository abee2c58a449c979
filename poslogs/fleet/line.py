"""A line: one connection to Redis, over which questions go in batches and answers come back in order."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from redis.connection import ConnectionInterface
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from poslogs.fleet.ask import Ask, Away

ANSWER_SECONDS: Final = 0.22  # from a question until its answer; a request asks twice, and may wait 0.5 s in all
LEAST_SECONDS: Final = 0.15  # from when it was sent: this process itself may have been late to send it
LOOK_SECONDS: Final = 0.02  # more, in which an answer is taken that came while this process was late to look
QUICK_SECONDS: Final = 0.1  # in which Redis that was away must answer to be used again: a margin, or it came and went
PROOFS: Final = 3  # of which one must be quick: this process itself may be late for some
PIECE_BYTES: Final = 1 << 14  # sent at once, within the connection's own bound


class Line:
    """A connection that one thread uses. After an error it is closed, and not used again."""

    def __init__(self, connection: ConnectionInterface) -> None:
        self._connection = connection

    def open(self) -> None:
        """Connect. Raises RedisError or OSError."""
        self._connection.connect()

    def close(self) -> None:
        """Close it. May be called again."""
        self._connection.disconnect()

    def prove(self, proof: Callable[[], Ask]) -> str:
        """Ask for a proof that Redis is well, which must come quickly. Returns and raises as `exchange`."""
        for _ in range(PROOFS):
            began = time.monotonic()
            if why := self.exchange([proof()]):
                return why
            if time.monotonic() - began < QUICK_SECONDS:
                return ""
        return "Redis answers too slowly."

    def exchange(self, asks: Sequence[Ask]) -> str:
        """Ask, and answer each question. Returns why Redis is of no use from now on, as a sentence; "" when it is.

        Raises RedisError or OSError with the questions that are not answered left as they are.
        """
        self._connection.send_packed_command(_pieces(self._connection.pack_commands([ask.command for ask in asks])))
        sent, refused = time.monotonic(), ""
        for ask in asks:
            due = max(ask.at + ANSWER_SECONDS, sent + LEAST_SECONDS)
            try:
                ask.answer(self._reply(due - time.monotonic()))
            except NoScriptError as error:
                ask.fail(error)
            except ResponseError as error:
                refused = refused or sentence(error)
                ask.fail(Away(refused))
        return refused

    def _reply(self, seconds: float) -> Any:
        try:
            return self._read(max(seconds, LOOK_SECONDS))
        except RedisTimeout:
            # With greenlets a timer that has run out comes before an answer that is there.
            return self._read(LOOK_SECONDS)

    def _read(self, seconds: float) -> Any:
        return self._connection.read_response(disable_decoding=True, timeout=seconds, disconnect_on_error=False)


def sentence(error: Exception) -> str:
    """What an error says of Redis, in words that name no host, no command and no key."""
    if isinstance(error, RedisTimeout | TimeoutError):
        return "Redis does not answer in time."
    text = str(error)
    for code, meaning in _MEANINGS:
        if code in text or type(error).__name__ == code:
            return meaning
    if isinstance(error, ResponseError):
        code = text.partition(" ")[0]
        return f"Redis refuses what it is asked ({code if _CODE.fullmatch(code) else 'ERR'})."
    return "Redis cannot be reached." if isinstance(error, RedisError | OSError) else "The connection to Redis failed."


_CLUSTER: Final = "This Redis is part of a cluster; name one in POSLOGS_REDIS_URL that holds all keys."
_CODE: Final = re.compile(r"[A-Z]{2,20}")
# redis-py takes the first word off some texts; the name of its class tells these.
_MEANINGS: Final = (
    ("ReadOnlyError", "Redis takes no writes, as it is a replica."),
    ("previous master is now a slave", "Redis takes no writes, as it is a replica."),
    ("OutOfMemoryError", "Redis takes no writes, as its memory is full."),
    ("BusyLoadingError", "Redis is loading its data."),
    ("MISCONF", "Redis takes no writes, as it cannot save its data."),
    ("NOREPLICAS", "Redis takes no writes, as it has too few replicas."),
    ("MasterNotFoundError", "The sentinels know of no Redis that takes writes."),
    ("AuthenticationError", "Redis wants another user or password than POSLOGS_REDIS_URL has."),
    ("MovedError", _CLUSTER),
    ("ClusterDownError", _CLUSTER),
    ("NoPermissionError", "Redis does not let the user of POSLOGS_REDIS_URL do what poslogs needs."),
    ("max number of clients reached", "Redis has as many clients as it may have."),
    ("Connection refused", "Redis cannot be reached (connection refused)."),
    ("Connection closed by server", "Redis closed the connection."),
)


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    for part in parts:
        if len(part) <= PIECE_BYTES:
            yield part
        else:
            whole = memoryview(part)
            yield from (whole[at : at + PIECE_BYTES] for at in range(0, len(whole), PIECE_BYTES))
