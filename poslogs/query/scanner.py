"""The scanner: the words, quoted texts and regular expressions of a query, from left to right."""

from __future__ import annotations

from typing import Final

from poslogs.query.expression import Expression
from poslogs.query.misread import Misread
from poslogs.query.refusal import NotUnderstood

BLANKS: Final = " \t\r\n"
VALUE_ENDS: Final = f"{BLANKS},"
FLAGS: Final = "gimsuvxyU"  # as other languages write them after the slash
SHOWN_CHARS: Final = 30  # of what a refusal quotes


class Scanner:
    """Reads a query; `at` is where the next sign stands. What is wrong is told with the place of the term."""

    def __init__(self, text: str) -> None:
        self.at = 0
        self._text = text
        self._begin = 0  # of the term that is read

    def next_term(self) -> bool:
        """Go to the next term; False where there is none."""
        while self.sign and self.sign in BLANKS:
            self.at += 1
        self._begin = self.at
        return bool(self.sign)

    @property
    def column(self) -> int:
        """Of the term that is read, from 1."""
        return self._begin + 1

    @property
    def sign(self) -> str:
        """The next one; "" at the end."""
        return self._text[self.at : self.at + 1]

    @property
    def ends(self) -> bool:
        """Whether the term ends here."""
        return not self.sign or self.sign in BLANKS

    def refused(self, sentence: str) -> NotUnderstood:
        """The refusal of the term that is read."""
        return NotUnderstood(self.column, sentence)

    def word(self, ends: str = BLANKS) -> str:
        """What comes before one of these signs."""
        begin = self.at
        while self.sign and self.sign not in ends:
            self.at += 1
        return self._text[begin : self.at]

    def quoted(self, ends: str = BLANKS) -> str:
        """What stands in quotes, with its escapes as they are; `ends` may follow."""
        text, begin = self._text, self.at + 1
        end = begin
        while end < len(text) and text[end] != '"':
            end += 2 if text[end : end + 2] in ('\\"', "\\\\") else 1
        if end >= len(text):
            raise self.refused('a closing `"` is missing; write `\\"` for one inside.')
        self.at = end + 1
        if self.sign and self.sign not in ends:
            rest = shown(self.word())
            raise self.refused(
                f'`{rest}` stands right after a closing `"`; put a blank between, or `\\"` for one inside.'
            )
        return text[begin:end]

    def expression(self, ends: str = BLANKS) -> Expression:
        """A regular expression between slashes; `ends` may follow."""
        text, begin = self._text, self.at + 1
        end = begin
        while end < len(text) and text[end] != "/":
            end += 2 if text[end] == "\\" else 1
        if end >= len(text):
            raise self.refused(
                "a regular expression lacks its closing `/`; if none is meant, put quotes around the text."
            )
        self.at = end + 1
        if begin == end:
            raise self.refused("`//` is a regular expression with nothing in it; put quotes around a text.")
        if self.sign and self.sign not in ends:
            raise self._after_expression()
        try:
            return Expression(text[begin:end])
        except Misread as reason:
            raise self.refused(f"the regular expression {reason}") from None

    def _after_expression(self) -> NotUnderstood:
        rest = self.word()
        if all(sign in FLAGS for sign in rest):
            return self.refused(
                f"a regular expression takes no flags such as `{rest}`: case is ignored, unless it begins with "
                "`(?-i)`; if none is meant, put quotes around the text."
            )
        return self.refused(
            f"`{shown(rest)}` stands right after the closing `/` of a regular expression; put a blank between, write "
            "`\\/` for one inside, or put quotes around a text."
        )


def shown(text: str) -> str:
    """A text for a refusal, not too long."""
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
