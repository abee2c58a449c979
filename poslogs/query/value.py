"""Values: what a term looks for, in the forms that a text is looked at in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from poslogs.query.expression import LONG_BYTES, Expression, looked_at
from poslogs.query.folding import folded

MODERATE_BYTES: Final = 16 * 1024  # of an entry that is folded and compared within a millisecond


class Value(Protocol):
    """What a field's value is held against."""

    @property
    def searches(self) -> bool:
        """Whether it is a regular expression."""

    def within(self, text: str) -> bool:
        """Whether it is found in a text."""

    def whole(self, text: str) -> bool:
        """Whether it is what the text says; an expression is found in it."""

    @property
    def anything(self) -> bool:
        """Whether it holds for whatever is there."""

    @property
    def literal(self) -> str | None:
        """The only text that it is as a whole, folded; None where there may be others."""


class Wildcard(NamedTuple):
    """Literal parts, folded, with anything between two of them; a single part is a text without a wildcard."""

    parts: tuple[str, ...]

    @property
    def searches(self) -> bool:
        """Never."""
        return False

    @classmethod
    def of(cls, parts: Sequence[str]) -> Wildcard:
        """From parts as they were written."""
        return cls(tuple(map(folded, parts)))

    @property
    def anything(self) -> bool:
        """Whether it is wildcards alone."""
        return len(self.parts) > 1 and not any(self.parts)

    @property
    def literal(self) -> str | None:
        """The text itself, where there is no wildcard."""
        return self.parts[0] if len(self.parts) == 1 else None

    def within(self, text: str) -> bool:
        """Whether its parts are found in a text, one after another."""
        return _follow(self.parts, folded(text), 0) is not None

    def whole(self, text: str) -> bool:
        """Whether a text is its parts, with anything between them."""
        text = folded(text)
        first, last = self.parts[0], self.parts[-1]
        if len(self.parts) == 1:
            return text == first
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        end = _follow(self.parts[1:-1], text, len(first))
        return end is not None and end <= len(text) - len(last)


class Match(NamedTuple):
    """A regular expression."""

    expression: Expression

    @property
    def searches(self) -> bool:
        """Always."""
        return True

    @property
    def anything(self) -> bool:
        """Whether it holds for whatever is there: never, since it looks at texts alone."""
        return False

    @property
    def literal(self) -> str | None:
        """None: others may match."""
        return None

    def within(self, text: str) -> bool:
        """Whether it is found in a text."""
        return self.expression.found_in(looked_at(text))

    def whole(self, text: str) -> bool:
        """The same: an expression says by itself where it is to be found."""
        return self.within(text)


def are_quick(values: Iterable[Value], longest: int) -> bool:
    """Whether to look for these in an entry of at most so many bytes never waits, and is over within milliseconds."""
    return longest <= (LONG_BYTES if any(value.searches for value in values) else MODERATE_BYTES)


def _follow(parts: Sequence[str], text: str, start: int) -> int | None:
    """Where the last of these parts ends in a text, each looked for after the one before; None if one is not there."""
    for part in parts:
        start = text.find(part, start)
        if start < 0:
            return None
        start += len(part)
    return start
