"""A query: which entries one wants, by their text and fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from poslogs.query.subject import Subject
from poslogs.query.term import Term


class Query:
    """Terms that must all hold. Immutable; two queries of the same canonical text are equal."""

    __slots__ = ("__weakref__", "_hash", "_terms", "text")

    def __init__(self, text: str, terms: tuple[Term, ...]) -> None:
        """`text` is canonical: the terms as they were written, with one blank between two of them."""
        self.text = text
        self._terms = terms
        self._hash = hash(text)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Query) and self.text == other.text)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Query({self.text!r})"

    def is_quick(self, longest: int) -> bool:
        """Whether a look at an entry of at most so many bytes never waits, and is over within milliseconds."""
        return all(term.is_quick(longest) for term in self._terms)

    def holds(self, entry: Mapping[str, Any]) -> bool:
        """Whether all terms hold for an entry, as JSON has it."""
        return self.holds_for(Subject(entry))

    def holds_for(self, subject: Subject) -> bool:
        """The same of an entry that others look at too."""
        for term in self._terms:  # noqa: SIM110 - a generator would take as long again
            if not term.holds(subject):
                return False
        return True


def subject_of(json: bytes) -> Subject:
    """The subject that an entry's JSON makes."""
    return Subject(orjson.loads(json))
