"""Fields: the names that stand before a colon, and names that are nearly one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from poslogs.query.folding import folded
from poslogs.query.term import At, Message, Term, Whole
from poslogs.query.value import Value

Make = Callable[[tuple[Value, ...]], Term]

DATA: Final = "data."  # begins a path
FIELDS: Final[dict[str, Make]] = {
    "type": partial(Whole, ("type", "error_type")),
    "env": partial(Whole, ("env",)),
    "message": Message,
    "page": partial(At, ("page",)),
    "url": partial(At, ("url",)),
    "partial": partial(At, ("partial",)),
    "user": partial(At, ("user", "email")),
}
LITERAL: Final = ("type", "env")  # fields in whose values `*` is a star
# Words of their own, though one letter makes a field of most of them.
WORDS: Final = frozenset(("time", "uri", "end", "age", "use", "part", "urn", "en", "used", "uses", "date"))


def made(name: str) -> Make | None:
    """What makes a term of the values of a field; None where there is no such field. Raises ValueError for a path
    with an empty key."""
    lower = folded(name)
    if not lower.startswith(DATA):
        return FIELDS.get(lower)
    path = tuple(lower.split(".")[1:])
    if not all(path):
        raise ValueError(name)
    return partial(At, path)


def nearly(name: str) -> str:
    """The field that is meant, where one letter of its name is wrong, missing, doubled or swapped; else ""."""
    head, dot, rest = name.partition(".")
    lower = folded(head)
    if lower in WORDS:
        return ""
    if dot:
        return f"data.{rest}" if _is_near(lower, "data") else ""
    return next((field for field in FIELDS if _is_near(lower, field)), "")


def _is_near(given: str, meant: str) -> bool:
    if len(given) == len(meant):
        wrong = [index for index, (one, other) in enumerate(zip(given, meant, strict=True)) if one != other]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return given[wrong[0]] == meant[wrong[1]] and given[wrong[1]] == meant[wrong[0]]
        return len(wrong) == 1 and given.isalpha()
    if len(given) == len(meant) - 1:
        return any(given == meant[:index] + meant[index + 1 :] for index in range(len(meant)))
    return any(given == meant[: index + 1] + meant[index:] for index in range(len(meant)))
