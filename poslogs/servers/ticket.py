"""The ticket: a token for one run of the server, made where clients.json has none that may read its environments.

gunicorn's master imports this module, and its workers inherit what it holds: standard library only.
"""

from __future__ import annotations

import mmap
import secrets
from functools import cache
from typing import Final

TOKEN_BYTES: Final = 32  # 43 characters
_VALID, _SHOWN, _GREETED = 0, 1, 2  # bytes of the flags


class Ticket:
    """A token, and whether it opens anything. A process that forks shares its ticket with its children.

    The token is kept in memory only: never in an argument, a variable of the environment, a file or a log line.
    """

    def __init__(self) -> None:
        self.token: Final = secrets.token_urlsafe(TOKEN_BYTES)
        self._flags = mmap.mmap(-1, 3)  # shared by the processes that inherit it

    def __repr__(self) -> str:
        return "Ticket()"

    @property
    def valid(self) -> bool:
        """Whether it opens the environments, from `validate` until the run ends."""
        return bool(self._flags[_VALID])

    def validate(self) -> None:
        """Have it open the environments."""
        self._flags[_VALID] = 1

    @property
    def is_greeted(self) -> bool:
        """Whether a worker's start-up lines will show it; else `create_app` does."""
        return bool(self._flags[_GREETED])

    def leave_to_greeting(self) -> None:
        """Have the start-up lines show it."""
        self._flags[_GREETED] = 1

    def show(self) -> str | None:
        """The token, at the first call while it is valid; None after that."""
        if not self.valid or self._flags[_SHOWN]:
            return None
        self._flags[_SHOWN] = 1
        return self.token


@cache
def of_this_run() -> Ticket:
    """The ticket of this process, and of those that it forks from now on."""
    return Ticket()
