"""The app of another version than today's: what it has in Redis is of the next format, and of another shape."""

from __future__ import annotations

from poslogs.app import create_app
from poslogs.fleet import engine
from poslogs.streaming import packing

# Outcomes begin with other letters: a process of today's version that read one could not make anything of it.
vars(packing).update(_PLAIN=b"q", _ZLIB=b"y")
vars(engine).update(FORMAT=engine.FORMAT + 1)  # read as the app is made

app = create_app()
