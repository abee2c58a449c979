"""Packing: outcomes as bytes, and back."""

from __future__ import annotations

import zlib
from itertools import accumulate
from typing import Any, Final, NamedTuple

import orjson

from poslogs.platformos.entries import Entry, Kind, Page
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.outcome import Answered, Outcome, WasReset

PACKED_BYTES: Final = 2048  # from this length on it is compressed
LEVEL: Final = 1  # quick
_PLAIN: Final = b"p"
_ZLIB: Final = b"z"


class Failed(NamedTuple):
    """A question of another process that failed: what readers are told, and for how many seconds nobody asks."""

    sentence: str
    wait: float


class Packed(NamedTuple):
    """An outcome with where the window of its publisher ended before it."""

    outcome: Outcome | Failed
    low: int
    syncs: bool  # it has all that a process must know that joins


def pack(packed: Packed) -> bytes:
    """The bytes of an outcome."""
    outcome = packed.outcome
    head: dict[str, Any] = {"low": packed.low, "syncs": packed.syncs}
    entries: list[Entry] = []
    if isinstance(outcome, Failed):
        head |= {"failed": outcome.sentence, "wait": outcome.wait}
    elif isinstance(outcome, WasReset):
        head["reset"] = [outcome.found.position, len(outcome.found.late)]
        entries = [*outcome.found.late, *outcome.found.new]
    else:
        page = outcome.page
        entries = page.entries
        head["page"] = [page.refused, page.last, page.more_refused, page.whole, page.newest_first, page.rows, page.cut]
        head["asked"] = [outcome.since, outcome.looks, outcome.rests, outcome.whole, outcome.began]
    kinds = list(dict.fromkeys(entry.kind for entry in entries))
    places = {kind: place for place, kind in enumerate(kinds)}
    head["kinds"] = [tuple(kind) for kind in kinds]
    head["entries"] = [(entry.id, places[entry.kind], len(entry.json)) for entry in entries]
    body = b"\n".join([orjson.dumps(head), b"".join([entry.json for entry in entries])])
    return _PLAIN + body if len(body) < PACKED_BYTES else _ZLIB + zlib.compress(body, LEVEL)


def unpack(data: bytes) -> Packed:
    """The outcome of bytes that `pack` made."""
    body = zlib.decompress(data[1:]) if data[:1] == _ZLIB else data[1:]
    first, _, jsons = body.partition(b"\n")  # JSON has no line breaks
    head = orjson.loads(first)
    kinds = [Kind(*kind) for kind in head["kinds"]]
    ends = accumulate(length for _, _, length in head["entries"])
    entries = [
        Entry(id_, kinds[place], jsons[end - length : end])
        for (id_, place, length), end in zip(head["entries"], ends, strict=True)
    ]
    outcome: Outcome | Failed
    if "failed" in head:
        outcome = Failed(head["failed"], head["wait"])
    elif "reset" in head:
        position, late = head["reset"]
        outcome = WasReset(IdReset(position, entries[late:], entries[:late]))
    else:
        refused, *rest = head["page"]
        outcome = Answered(Page(entries, refused, *rest), *head["asked"])
    return Packed(outcome, head["low"], head["syncs"])
