"""The syntax of regular expressions that RE2 and JavaScript read alike; the rest is refused by name."""

from __future__ import annotations

import re
from typing import Final

from poslogs.query import brackets, escape
from poslogs.query.misread import Misread

MOST_REPEATS: Final = 1000  # the highest count, as in `{2,1000}`
_COUNT: Final = re.compile(r"\{([0-9]{1,9})(?:,([0-9]{0,9}))?\}")
_NAMED: Final = re.compile(r"\(\?<([A-Za-z_][A-Za-z0-9_]*)>")
_FLAGS: Final = re.compile(r"\(\?[A-Za-z-]+[:)]")
_KNOWN_FLAGS: Final = ("(?i)", "(?-i)")
_REFUSED: Final = {  # groups by their beginnings, with what to write instead
    "(?<=": "a look behind, `(?<=`; write what must be there, or use a second term",
    "(?<!": "a look behind, `(?<!`; use a second term, with `-` before it",
    "(?=": "a look ahead, `(?=`; write what must be there, or use a second term",
    "(?!": "a look ahead, `(?!`; use a second term, with `-` before it",
    "(?P": "`(?P`; write `(?<name>`, or `(` alone",
    "(?>": "an atomic group, `(?>`; write `(?:`",
    "(?#": "a comment, `(?#`; leave it out",
}


def check(source: str) -> None:
    """Look an expression through. Raises Misread."""
    _Look(source).run()


class _Look:
    """One look through an expression, from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0  # parentheses that are open
        self._names: set[str] = set()  # of groups
        self._repeatable = False  # what stands before may be repeated

    def run(self) -> None:
        """Look at all of it."""
        self._at = next((len(flags) for flags in _KNOWN_FLAGS if self._source.startswith(flags)), 0)
        while self._at < len(self._source):
            step = _STEPS.get(self._source[self._at], _Look._literal)
            step(self)
        if self._depth:
            raise Misread("lacks a `)`.")

    def _literal(self) -> None:
        self._at += 1
        self._repeatable = True

    def _place(self) -> None:
        """A place, or the begin of an alternative: neither can be repeated."""
        self._at += 1
        self._repeatable = False

    def _escape(self) -> None:
        if self._source[self._at + 1 : self._at + 2] in ("b", "B"):
            self._at += 2
            self._repeatable = False
        else:
            self._at, _ = escape.passed(self._source, self._at)
            self._repeatable = True

    def _set(self) -> None:
        self._at = brackets.passed(self._source, self._at)
        self._repeatable = True

    def _open(self) -> None:
        self._at = self._group() if self._source.startswith("(?", self._at) else self._at + 1
        self._depth += 1
        self._repeatable = False

    def _group(self) -> int:
        """Where the inside of a group begins that `(?` opens."""
        source, at = self._source, self._at
        if source.startswith("(?:", at):
            return at + 3
        for start, told in _REFUSED.items():
            if source.startswith(start, at):
                raise Misread(f"has {told}.")
        if named := _NAMED.match(source, at):
            if named[1] in self._names:
                raise Misread(f"names two groups `{named[1]}`; name each once.")
            self._names.add(named[1])
            return named.end()
        if flags := _FLAGS.match(source, at):
            raise Misread(f"has `{flags[0]}`; of flags only `(?-i)` and `(?i)` are known, at its very beginning.")
        raise Misread(r"has `(?` without what belongs to it; write `\(\?` for these signs.")

    def _close(self) -> None:
        if not self._depth:
            raise Misread(r"has a `)` too many; write `\)` for the sign.")
        self._depth -= 1
        self._literal()

    def _repeat(self) -> None:
        sign, end = self._source[self._at], self._at + 1
        if sign == "{":
            count = _COUNT.match(self._source, self._at)
            if count is None:
                raise Misread(r"has a `{` that begins no count such as `{2,5}`; write `\{` for the sign.")
            sign, end = count[0], count.end()
            least, most = int(count[1]), int(count[2] or count[1])
            if max(least, most) > MOST_REPEATS:
                raise Misread(f"has `{sign}`; the highest count is {MOST_REPEATS}.")
            if least > most:
                raise Misread(f"has `{sign}`; the smaller count comes first.")
        if not self._repeatable:
            raise Misread(f"has nothing that `{sign}` could repeat; write `\\{sign[0]}` for the sign.")
        self._at = end + self._source.startswith("?", end)  # as few as can be
        self._repeatable = False

    def _stray(self) -> None:
        sign = self._source[self._at]
        raise Misread(f"has a `{sign}` that closes nothing; write `\\{sign}` for the sign.")


_STEPS: Final = {
    "\\": _Look._escape,
    "[": _Look._set,
    "(": _Look._open,
    ")": _Look._close,
    "|": _Look._place,
    "^": _Look._place,
    "$": _Look._place,
    "*": _Look._repeat,
    "+": _Look._repeat,
    "?": _Look._repeat,
    "{": _Look._repeat,
    "}": _Look._stray,
    "]": _Look._stray,
}
