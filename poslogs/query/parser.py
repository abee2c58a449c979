"""The parser: a line of text, made into a query or refused with the place of what is wrong."""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

from poslogs.query import field
from poslogs.query.folding import folded
from poslogs.query.query import Query
from poslogs.query.refusal import NotUnderstood
from poslogs.query.scanner import BLANKS, VALUE_ENDS, Scanner, shown
from poslogs.query.term import Found, Not, Term, Text
from poslogs.query.value import Match, Value, Wildcard

MAX_CHARS: Final = 500  # of a query, in code points
MAX_TERMS: Final = 20

_known: WeakValueDictionary[str, Query] = WeakValueDictionary()  # readers that ask the same share one


def parse(text: str) -> Query | None:
    """The query that a text is; None for a blank one. Raises NotUnderstood."""
    if len(text) > MAX_CHARS:
        raise too_long(text)
    if query := _known.get(text):
        return query
    scanner = Scanner(text)
    terms: list[Term] = []
    written: list[str] = []
    while scanner.next_term():
        begin = scanner.at
        if len(terms) == MAX_TERMS:
            raise scanner.refused(f"a query has {MAX_TERMS} terms at most; leave some out.")
        terms.append(_term(scanner))
        written.append(text[begin : scanner.at])
    if not terms:
        return None
    canonical = " ".join(written)
    return _known.setdefault(canonical, Query(canonical, tuple(terms)))


def too_long(text: str) -> NotUnderstood:
    """The refusal of a query of more than MAX_CHARS, with the place of the word that is too much."""
    column = max(text.rfind(blank, 0, MAX_CHARS) for blank in BLANKS) + 2
    return NotUnderstood(column, f"a query has {MAX_CHARS} characters at most, not {len(text)}; leave some out.")


def _term(scanner: Scanner) -> Term:
    if scanner.sign != "-":
        return _plain_term(scanner)
    scanner.at += 1
    if scanner.ends:
        raise scanner.refused(
            'a `-` stands alone; write it right before what must not be there, or `"-"` for the sign.'
        )
    if scanner.sign == "-":
        word = shown(scanner.word().lstrip("-"))
        raise scanner.refused(f'two `-` stand together; write `-{word}`, or `"--{word}"` for the text.')
    return Not(_plain_term(scanner))


def _plain_term(scanner: Scanner) -> Term:
    if scanner.sign == '"':
        text = "".join(_parts(scanner.quoted(), quoted=True, stars=False))
        if not text:
            raise scanner.refused('`""` is found everywhere; leave it out, or write what is to be found.')
        return Text(folded(text))
    if scanner.sign == "/":
        return Found(scanner.expression())
    begin = scanner.at
    word = scanner.word()
    name, colon, _ = word.partition(":")
    if colon and (make := _field(scanner, name)):
        scanner.at = begin + len(name) + 1
        return make(_values(scanner, folded(name)))
    _see_no_quote(scanner, word)
    return Text(folded(word))


def _field(scanner: Scanner, name: str) -> field.Make | None:
    try:
        make = field.made(name)
    except ValueError:
        raise scanner.refused(f"the path `{shown(name)}` has an empty key; write one after each dot.") from None
    if make is None and (meant := field.nearly(name)):
        raise scanner.refused(
            f"there is no field `{shown(name)}`; write `{shown(meant)}:`, or quotes around the whole for the text."
        )
    return make


def _values(scanner: Scanner, name: str) -> tuple[Value, ...]:
    values: list[Value] = []
    while True:
        if scanner.ends or scanner.sign == ",":
            where = "a comma" if values else f"`{shown(name)}:`"
            raise scanner.refused(f"after {where} a value is missing; write one there, without a blank between.")
        values.append(_value(scanner, name))
        if scanner.sign != ",":
            return tuple(values)
        scanner.at += 1


def _value(scanner: Scanner, name: str) -> Value:
    if scanner.sign == "/":
        return Match(scanner.expression(VALUE_ENDS))
    stars = name not in field.LITERAL
    if scanner.sign == '"':
        parts = _parts(scanner.quoted(VALUE_ENDS), quoted=True, stars=stars)
        if parts == [""] and name == "message":
            raise scanner.refused('`""` is found in every message; leave it out, or write what is to be found.')
        return Wildcard.of(parts)
    word = scanner.word(VALUE_ENDS)
    _see_no_quote(scanner, word)
    return Wildcard.of(_parts(word, quoted=False, stars=stars))


def _parts(written: str, *, quoted: bool, stars: bool) -> list[str]:
    r"""The literal parts of a value between its wildcards; `\*` is a star, and in quotes `\"` and `\\` are escapes."""
    escaped = ('"\\' if quoted else "") + ("*" if stars else "")
    parts = [""]
    signs = iter(enumerate(written))
    for at, sign in signs:
        following = written[at + 1 : at + 2]
        if sign == "\\" and following and following in escaped:
            parts[-1] += following
            next(signs)
        elif sign == "*" and stars:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _see_no_quote(scanner: Scanner, word: str) -> None:
    if '"' in word:
        raise scanner.refused(
            f'a `"` stands inside of `{shown(word)}`; put quotes around the whole, and write `\\"` for this one.'
        )
