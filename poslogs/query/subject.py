"""The subject of a query: an entry as terms look at it, each form of it made once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from poslogs.cooperation import breathing
from poslogs.query.expression import looked_at
from poslogs.query.folding import folded
from poslogs.query.number import written

SEPARATOR: Final = "\0"


class Subject:
    """An entry, as JSON has it."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.entry = entry
        self._folded: dict[str, str] = {}  # fields, by name

    def text(self, name: str) -> str:
        """A field that is a string; "" where there is none."""
        value = self.entry.get(name)
        return value if isinstance(value, str) else ""

    def folded(self, name: str) -> str:
        """A field that is a string, folded."""
        found = self._folded.get(name)
        if found is None:
            found = self._folded[name] = folded(self.text(name))
        return found

    @cached_property
    def message(self) -> str:
        """The message, folded."""
        return self.folded("message")

    @cached_property
    def data_texts(self) -> list[str]:
        """Each string, number and key in the data, folded."""
        return [folded(text) for text in breathing(self._of_data())]

    @cached_property
    def data_text(self) -> str:
        """All of these in one, with SEPARATOR between two."""
        return SEPARATOR.join(self.data_texts)

    @cached_property
    def looked_at(self) -> list[bytes]:
        """The same, as expressions look at it."""
        return [looked_at(self.text("message")), *map(looked_at, breathing(self._of_data()))]

    @cached_property
    def lines(self) -> bytes:
        """All of these in one, each in a line."""
        return b"\n".join(self.looked_at)

    def _of_data(self) -> Iterator[str]:
        waiting = [self.entry.get("data")]
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                yield from value
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                yield written(value)

    def found(self, path: tuple[str, ...]) -> list[Any]:
        """The values at a path into the data: several where keys differ in case alone."""
        values = [self.entry.get("data")]
        for key in path:
            values = [inner for value in values for inner in _inside(value, key)]
        return values


def scalar(value: object) -> str | None:
    """What a value is compared as: a string itself, a number as `written`, the words true, false and null.

    None for an object or a list.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return written(value) if isinstance(value, int | float) else None


def _inside(value: object, key: str) -> list[Any]:
    """The items of an object with this key, which is folded, or the item of a list with this number."""
    if isinstance(value, dict):
        return [inner for name, inner in breathing(value.items()) if folded(name) == key]
    if isinstance(value, list) and key.isascii() and key.isdigit() and str(int(key)) == key and int(key) < len(value):
        return [value[int(key)]]
    return []
