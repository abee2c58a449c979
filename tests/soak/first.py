"""First answers: the odd ones that a server which asks again after a while may get before it gets rows."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.support.platformos import Request
from tests.support.unclear import UNCLEAR

HTML = b"<!DOCTYPE html><html><body><h1>One moment, please</h1></body></html>"
BODIES = {**UNCLEAR, "html": HTML}
TIMES = (1, 3)  # that a question has such an answer, from and to
MOST = 12  # answers to questions for what comes after a row: pollers go on, and each of their questions is another one
START = "0"  # the question of readers that begin from the start


class FirstAnswers:
    """Odd answers to the first times that each question is put, from one `arm` on; then rows. Used from any thread."""

    def __init__(self, seed: str) -> None:
        self.given: Counter[str] = Counter()  # by kind
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._armed = False
        self._left = 0
        self._due: dict[str, int] = {}  # such answers, by question

    def arm(self) -> None:
        """Make the next answers first ones."""
        with self._lock:
            self._armed, self._left, self._due = True, MOST, {}

    def disarm(self) -> None:
        """Have all answers hold rows from now on."""
        with self._lock:
            self._armed = False

    @property
    def waiting(self) -> bool:
        """Whether, since `arm`, nobody has asked from the start, or such a question must still have an odd answer."""
        with self._lock:
            return self._armed and self._due.get(START, 1) > 0

    def body(self, request: Request) -> bytes | None:
        """The body of the answer to a question; None for its rows."""
        question = request.last_id or START
        with self._lock:
            if not self._armed or (question != START and not self._left):
                return None
            due = self._due.setdefault(question, self._random.randint(*TIMES))
            if not due:
                return None
            self._due[question] = due - 1
            self._left -= question != START
            kind = self._random.choice(list(BODIES))
            self.given[kind] += 1
            return BODIES[kind]
