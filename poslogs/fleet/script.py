"""A script: a piece of Lua that Redis runs as a whole, so that no other command comes in between."""

from __future__ import annotations

from hashlib import sha1


class Script:
    """A script by its text. Redis is given the text once, and its digest from then on.

    It must name each key that it touches in KEYS, so that it works in a cluster too.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()  # as Redis names it
