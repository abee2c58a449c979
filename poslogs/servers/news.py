"""News: which errors of sockets an operator wants to read."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final

LOST: Final = frozenset(
    {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EBADF}
)
SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
AGAIN_SECONDS: Final = 60  # between two warnings of scarcity


class News:
    """Tells errors of the server from those that are its clients' or its machine's.

    gunicorn takes ECONNRESET and EPIPE alone for a client that has left; one whose network is lost ends in others.
    Where descriptors or memory run out, `warn` is called with the reason, once in AGAIN_SECONDS.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._warned = float("-inf")

    def worth(self, error: BaseException | None) -> bool:
        """Whether the error is worth a traceback in the log."""
        if not isinstance(error, OSError) or error.errno not in LOST | SCARCE:
            return True
        if error.errno in SCARCE and time.monotonic() - self._warned > AGAIN_SECONDS:
            self._warned = time.monotonic()
            self._warn(error.strerror or "unknown reason")
        return False
