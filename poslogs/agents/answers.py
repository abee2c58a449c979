"""The schemas of what agents are answered, each property described with its unit."""

from __future__ import annotations

from typing import Any, Final


def described(kind: str, description: str, **more: Any) -> dict[str, Any]:
    """A schema of one type."""
    return {"type": kind, "description": description, **more}


def object_of(description: str, properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    """The schema of an object with these properties, of which some may be left out."""
    return described(
        "object", description, properties=properties, required=[n for n in properties if n not in optional]
    )


def _list(description: str, items: dict[str, Any]) -> dict[str, Any]:
    return described("array", description, items=items)


_TIME: Final = described("string", "When, in UTC, ISO 8601 with milliseconds.")
_ENTRY: Final = {
    "id": described("string", "Id of the entry, its position in the log."),
    "env": described("string", "Its environment, where several were asked for."),
    "timestamp": _TIME,
    "type": described("string", "error, warn, info or debug."),
    "error_type": described("string", "platformOS's own type, such as LiquidError."),
    "message": described("string", "What was logged, cut at 1000 characters unless full was asked for."),
    "data": described("object", "What else was logged, with full only."),
    "cut": described("boolean", "True when some of the entry was left out."),
}
_POSITION: Final = {
    "lastId": described("string", "Position up to which entries were examined: give it as lastId to go on from there."),
    "truncated": described("boolean", "True when more entries are known to exist than were examined or are given."),
}
ENTRIES: Final = {
    "env": described("string", "Name of the environment; several with commas."),
    "entries": _list("Entries, oldest first.", object_of("One entry.", _ENTRY, "data", "cut", "env")),
    "count": described("integer", "How many entries are given."),
    **_POSITION,
}
STOPPED: Final = {
    "stopped": described("string", "Why it ended: maxDuration, limit, first, upstream or shutdown."),
    "pollErrors": described("integer", "How many polls of platformOS failed meanwhile."),
}
_ERROR: Final = {**{n: _ENTRY[n] for n in ("env", "id", "timestamp", "error_type")},
    "message": described("string", "What was logged, cut."),
    "at": described("string", "File and line, where it is known."),
}  # fmt: skip
_COUNTS: Final = {"additionalProperties": described("integer", "How many entries.")}
REPORT: Final = {
    "env": ENTRIES["env"],
    "total": described("integer", "How many entries were counted."),
    "from": described("string", "Timestamp of the earliest of them; empty when there is none."),
    "to": described("string", "Timestamp of the latest of them; empty when there is none."),
    "byType": described("object", "Entries by type.", **_COUNTS),
    "byHour": described("object", "Entries by hour, UTC; earlier is the sum of hours that are not told.", **_COUNTS),
    "frequentErrors": _list("Errors that differ in numbers, ids, quoted values and the like only, most frequent first.",
        object_of("One group.", {
            "env": _ENTRY["env"], "count": described("integer", "How many errors."), "first": _TIME, "last": _TIME,
            "fingerprint": described("string", "What they have in common."),
            "example": object_of("The latest of them.", _ERROR, "at", "env"),
        }, "env")),
    "newestErrors": _list("The ten newest errors, newest first.", object_of("One error.", _ERROR, "at", "env")),
    "lastId": described("string", "End of the log: give it as lastId to have what comes later reported."),
    "truncated": described("boolean", "True when older entries, before from, were not counted."),
    "byEnv": described("object", "The report of each environment by its name, where several were asked for.",
        additionalProperties=True),
}  # fmt: skip
ENVS: Final = {"envs": _list("Environments.", object_of("One.", {
    "name": described("string", "Its name."), "url": described("string", "Its address.")})),
    "together": described("string", "What env takes for all of them at once; not there when they cannot be."),
}  # fmt: skip
OPTIONAL: Final = ("byEnv", "together")  # what an answer may do without
