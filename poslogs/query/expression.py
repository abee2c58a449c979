"""Regular expressions: RE2 alone, which takes a time that grows with the text and no faster; bounded all the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from poslogs.elsewhere import elsewhere
from poslogs.query.folding import composed
from poslogs.query.misread import Misread
from poslogs.query.syntax import check

try:
    import re2
except ImportError:  # no wheel for this machine: all else of a query works
    re2 = None

MAX_CHARS: Final = 200  # of an expression
MAX_SIZE: Final = 500  # instructions of its program; each costs some nanoseconds a byte of text
MAX_BYTES: Final = 256 * 1024  # of a text that is looked at
MAX_MEMORY: Final = 512 * 1024  # bytes that RE2 may keep for one expression
LONG_BYTES: Final = 2048  # a longer text is looked at where other greenlets can go on meanwhile

Search = Callable[[bytes], bool]


class Expression:
    """A regular expression that is searched for in texts, ignoring case unless it begins with `(?-i)`."""

    __slots__ = ("_anywhere", "_search", "source")

    def __init__(self, source: str) -> None:
        """`source` is what stands between the slashes. Raises Misread."""
        if len(source) > MAX_CHARS:
            raise Misread(f"has {len(source)} characters; {MAX_CHARS} are allowed.")
        self.source = composed(source)
        check(self.source)
        self._search = _search(_compiled(self.source))
        self._anywhere: Search | None = None  # the same with `^` and `$` at each line, made when it is first asked for

    def may_be_in(self, lines: bytes) -> bool:
        """Whether it may be found in one of several texts that stand in a line each; if not, it is in none of them.

        One look at all of them costs a tenth of a look at each.
        """
        if len(lines) > LONG_BYTES:
            return True
        if self._anywhere is None:
            lined = f"(?m){self.source}".encode("utf-8", "surrogatepass")
            self._anywhere = _search(re2.compile(lined, _options()))
        return self._anywhere(lines)

    def found_in(self, text: bytes) -> bool:
        """Whether it is found in a text, as `looked_at` gives it."""
        if len(text) <= LONG_BYTES:
            return self._search(text)
        return elsewhere(lambda: self._search(text))


def looked_at(text: str) -> bytes:
    """What an expression looks at of a text: its first MAX_BYTES in NFC, as UTF-8, without half a character."""
    found = composed(text).encode("utf-8", "replace")
    return found if len(found) <= MAX_BYTES else found[:MAX_BYTES].decode("utf-8", "ignore").encode()


def _compiled(source: str) -> Any:
    if re2 is None:
        raise Misread("needs google-re2, which is not installed on this server; leave it out, or install that.")
    try:
        found = re2.compile(source.encode("utf-8", "surrogatepass"), _options())
    except re2.error as error:
        raise Misread(_reason(error)) from None
    if found.programsize > MAX_SIZE:
        raise Misread(
            f"makes a program of {found.programsize} instructions; {MAX_SIZE} are allowed: repeat less in it."
        )
    return found


def _search(compiled: Any) -> Search:
    """Whether a compiled expression is found in a text.

    What `search` of the wrapper does beside is half of its time for a short text; without it where that is possible.
    """
    inner: Any = getattr(compiled, "_regexp", None)
    if not hasattr(inner, "Match") or not hasattr(re2, "_Anchor"):
        return lambda text: compiled.search(text) is not None
    match, anywhere = inner.Match, re2._Anchor.UNANCHORED
    return lambda text: bool(match(anywhere, text, 0, len(text))[0][0] >= 0)


@cache
def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    return options


def _reason(error: Exception) -> str:
    told = error.args[0] if error.args else b""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    if text.startswith("invalid repetition size"):
        return "repeats what is repeated, more than 1000 times in all; repeat less in it."
    if "too large" in text:
        return f"makes a program of more than {MAX_SIZE} instructions; repeat less in it."
    return f"is not read: {text}."
