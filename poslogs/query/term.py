"""Terms: the parts of a query, which must all hold."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from poslogs.cooperation import breathing
from poslogs.query.expression import LONG_BYTES, Expression
from poslogs.query.subject import SEPARATOR, Subject, scalar
from poslogs.query.value import MODERATE_BYTES, Value, are_quick


class Term(Protocol):
    """One condition."""

    def is_quick(self, longest: int) -> bool:
        """Whether a look at an entry of at most so many bytes never waits, and is over within milliseconds."""

    def holds(self, subject: Subject) -> bool:
        """Whether it holds for an entry."""


class Text(NamedTuple):
    """The message, or a string, number or key in the data, contains a text, which is folded."""

    text: str

    def is_quick(self, longest: int) -> bool:
        """Whether the entry is of moderate size."""
        return longest <= MODERATE_BYTES

    def holds(self, subject: Subject) -> bool:
        """Whether one of them does."""
        if self.text in subject.message:
            return True
        if SEPARATOR in self.text:
            return any(self.text in each for each in breathing(subject.data_texts))
        return self.text in subject.data_text


class Found(NamedTuple):
    """A regular expression is found in the message, or in a string, number or key in the data."""

    expression: Expression

    def is_quick(self, longest: int) -> bool:
        """Whether no text in the entry is one that is searched elsewhere."""
        return longest <= LONG_BYTES

    def holds(self, subject: Subject) -> bool:
        """Whether it is found in one of them."""
        found_in = self.expression.found_in
        return self.expression.may_be_in(subject.lines) and any(map(found_in, breathing(subject.looked_at)))


class Message(NamedTuple):
    """The message contains one of the values."""

    values: tuple[Value, ...]

    def is_quick(self, longest: int) -> bool:
        """Whether each value is."""
        return are_quick(self.values, longest)

    def holds(self, subject: Subject) -> bool:
        """Whether it does."""
        return any(value.within(subject.text("message")) for value in self.values)


class Whole:
    """One of the fields is, as a whole, one of the values."""

    __slots__ = ("_fields", "_literals", "_others")

    def __init__(self, fields: tuple[str, ...], values: tuple[Value, ...]) -> None:
        self._fields = fields
        self._literals = frozenset(value.literal for value in values if value.literal is not None)
        self._others = tuple(value for value in values if value.literal is None)

    def is_quick(self, longest: int) -> bool:
        """Whether each value is."""
        return are_quick(self._others, longest)

    def holds(self, subject: Subject) -> bool:
        """Whether one of them is."""
        for name in self._fields:
            if subject.folded(name) in self._literals:
                return True
        if not self._others:
            return False
        return any(value.whole(subject.text(name)) for name in self._fields for value in self._others)


class At(NamedTuple):
    """What the data has at a path is, as a whole, one of the values; the keys are folded."""

    path: tuple[str, ...]
    values: tuple[Value, ...]

    def is_quick(self, longest: int) -> bool:
        """Whether each value is."""
        return are_quick(self.values, longest)

    def holds(self, subject: Subject) -> bool:
        """Whether it is."""
        return any(self._is_one(found) for found in subject.found(self.path))

    def _is_one(self, found: object) -> bool:
        text = scalar(found)
        return any(value.anything or (text is not None and value.whole(text)) for value in self.values)


class Not(NamedTuple):
    """A term must not hold."""

    term: Term

    def is_quick(self, longest: int) -> bool:
        """Whether the term is."""
        return self.term.is_quick(longest)

    def holds(self, subject: Subject) -> bool:
        """Whether it does not."""
        return not self.term.holds(subject)
