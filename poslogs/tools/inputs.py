"""Inputs: what a caller gave, held against the schema of a tool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from poslogs.errors import BadInput
from poslogs.plain import plain
from poslogs.query.parser import too_long
from poslogs.tools import times
from poslogs.tools.schema import TIMES, UNITS

Input = Mapping[str, Any]  # checked: a value for each input that was given or has a default
Schemas = Mapping[str, Mapping[str, Any]]  # by the input's name

ID_BITS: Final = 64  # of an id as a number; a longer number is not written out as text
EXACT: Final = 2**53  # a float beyond may have been another number when it was written
MAX_QUOTED_CHARS: Final = 40


def checked(tool: str, schemas: Schemas, validator: Draft202012Validator, given: object) -> Input:
    """The input with its defaults, numbers as the schema has them. Raises BadInput, which names what is wrong."""
    meant = _meant(schemas, given)
    names = _names(meant)
    error = min(validator.iter_errors(meant), key=_rank, default=None)
    if error is not None:
        raise _refusal(tool, schemas, error)
    assert isinstance(meant, dict)
    found = {name: int(value) if isinstance(value, float) else value for name, value in meant.items()}
    if names:
        found["env"] = names
    if "tail" in found and "limit" in found:
        raise BadInput("`tail` and `limit` both say how many entries; leave one out.")
    found |= _times(schemas, found)
    return {name: schema["default"] for name, schema in schemas.items() if "default" in schema} | found


def _names(meant: object) -> tuple[str, ...]:
    """The names in a list as `env`, which the schema knows as one text: so it stands there while it is checked."""
    if not isinstance(meant, dict) or not isinstance(meant.get("env"), list):
        return ()
    names = meant["env"]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise BadInput('`env` must be the name of an environment, a list of names, or "*" for all that you may read.')
    meant["env"] = names[0]
    return tuple(names)


def quoted(value: object) -> str:
    """A value as JSON, in one line and short, for a sentence."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_QUOTED_CHARS else f"{text[:MAX_QUOTED_CHARS]}…"


def _meant(schemas: Schemas, given: object) -> object:
    if not isinstance(given, dict):
        return given
    known = {name: value for name, value in given.items() if value is not None or name not in schemas}
    return {name: _number(name, value, schemas.get(name, {})) for name, value in known.items()}


def _number(name: str, value: object, schema: Mapping[str, object]) -> object:
    """A number as the schema of its input has it; anything else as it is."""
    divisible = UNITS.get(name) == "in milliseconds"
    if isinstance(value, float) and abs(value) <= EXACT and (divisible or value.is_integer()):
        value = round(value)
    if "pattern" in schema and type(value) is int and value.bit_length() <= ID_BITS:
        return str(value)
    return value


def _times(schemas: Schemas, found: Input) -> dict[str, str]:
    """The inputs that are times, as timestamps. Raises BadInput."""
    now = datetime.now(UTC)
    read: dict[str, str] = {}
    for name in sorted(TIMES & found.keys()):
        if "enum" not in schemas[name]:
            moment = times.read(found[name], now)
            if moment is None:
                raise _no_time(name, quoted(found[name]))
            read[name] = moment
    if len(read) == len(TIMES) and read["until"] < read["since"]:
        raise BadInput("`until` lies before `since`; exchange the two.")
    return read


def _no_time(name: str, got: str) -> BadInput:
    return BadInput(
        f"`{name}` must be a time, such as 2026-11-28T10:00Z, or how long ago, such as 90s, 10m, 2h or 1d, not {got}."
    )


def _rank(error: ValidationError) -> tuple[int, str]:
    order = ("type", "required", "additionalProperties")
    return (order.index(error.validator) if not error.path and error.validator in order else len(order)), error.message


def _refusal(tool: str, schemas: Schemas, error: ValidationError) -> BadInput:
    if error.path:
        name = str(error.path[0])
        return _of_value(name, schemas[name], error)
    takes = ", ".join(schemas) or "no input"
    given = error.instance if isinstance(error.instance, dict) else {}
    if error.validator == "required":
        missing = next(name for name in cast("list[str]", error.validator_value) if name not in given)
        return BadInput(f"`{missing}` is missing from the input; {tool} takes {takes}.")
    if error.validator == "additionalProperties":
        unknown = quoted(next(name for name in given if name not in schemas)).strip('"')
        return BadInput(f"`{unknown}` is not an input of {tool}; it takes {takes}.")
    return BadInput("`input` must be a JSON object.")


def _of_value(name: str, schema: Mapping[str, Any], error: ValidationError) -> BadInput:
    got = quoted(error.instance)
    if schema["type"] == "boolean":
        return BadInput(f"`{name}` must be true or false, not {got}.")
    if schema["type"] == "integer":
        return _of_number(name, schema, error.validator, got)
    if "enum" in schema:
        return BadInput(f"`{name}` must be {' or '.join(schema['enum'])}, not {got}.")
    if name in TIMES:
        return _no_time(name, got)
    if name == "query":
        return _of_query(error.instance, got)
    if name == "filter" and "items" in schema:
        return _of_filter(schema, error, got)
    return _of_text(name, schema, got)


def _of_text(name: str, schema: Mapping[str, Any], got: str) -> BadInput:
    if "pattern" in schema:
        return BadInput(f"`{name}` must be the id of an entry, 1 to 19 digits, not {got}.")
    if "maxLength" in schema:
        return BadInput(f"`{name}` must be a string of 1 to {schema['maxLength']} characters, not {got}.")
    return BadInput(f"`{name}` must be a string that is not empty, not {got}.")


def _of_query(query: object, got: str) -> BadInput:
    return too_long(query) if isinstance(query, str) else BadInput(f"`query` must be a string, not {got}.")


def _of_filter(schema: Mapping[str, Any], error: ValidationError, got: str) -> BadInput:
    most, count = schema["maxLength"], schema["maxItems"]
    if len(error.path) > 1:
        return BadInput(f"`filter` must be a list of strings of 1 to {most} characters; {got} is not one.")
    if isinstance(error.instance, list):
        return BadInput(f"`filter` must be a list of 1 to {count} types; it has {len(error.instance)}.")
    return BadInput(f"`filter` must be a string of 1 to {most} characters, not {got}.")


def _of_number(name: str, schema: Mapping[str, Any], wrong: object, got: str) -> BadInput:
    unit, least, most = UNITS.get(name, "a whole number"), schema["minimum"], schema["maximum"]
    if wrong not in ("minimum", "maximum"):
        return BadInput(f"`{name}` is {unit}, {least} to {most}, not {got}.")
    size = "small" if wrong == "minimum" else "large"
    return BadInput(f"`{name}` is {unit}, {least} to {most}; {got} is too {size}.")
