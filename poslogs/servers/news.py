"""News: which errors of sockets are worth a log line to an operator."""

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
    """Separates errors of the server from those that a client or the machine caused.

    gunicorn takes only ECONNRESET and EPIPE for a client that has left; a client whose network is lost causes LOST.
    Where descriptors or memory run out (SCARCE), `warn` is called with the reason, once in AGAIN_SECONDS.
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
