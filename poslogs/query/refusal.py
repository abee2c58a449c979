"""The refusal of a query that cannot be understood, with the place in it."""

from __future__ import annotations

from poslogs.errors import BadInput


class NotUnderstood(BadInput):
    """A query is refused; `column` is that of a term's first character, from 1, in code points."""

    def __init__(self, column: int, sentence: str) -> None:
        """`sentence` says what is wrong and what to write instead."""
        super().__init__(f"`query`, column {column}: {sentence}")
        self.column = column
