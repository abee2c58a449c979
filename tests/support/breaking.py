"""The app as people run it, whose loops a test breaks by the supervisor's own seam, as a file says meanwhile.

The file at BREAK_FILE holds an object: by the name of a loop how many of its next turns fail, or the number of the
process in which it is to stand still, as text.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

from poslogs.supervisor import SUPERVISOR
from wsgi import app

__all__ = ["app"]

PATH = Path(os.environ["BREAK_FILE"])
LOOK_S = 0.05

_failed: Counter[str] = Counter()


class Broken(Exception):
    """What a loop meets."""


def interfere(name: str) -> None:
    wish = _wish(name)
    if isinstance(wish, int) and _failed[name] < wish:
        _failed[name] += 1
        raise Broken(name)
    while _wish(name) == str(os.getpid()):
        time.sleep(LOOK_S)


def _wish(name: str) -> object:
    try:
        return json.loads(PATH.read_text()).get(name)
    except FileNotFoundError:
        return None


SUPERVISOR.interfere = interfere
