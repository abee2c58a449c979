"""Guesses: queries and entries at random, with what the server's module makes of them, for its twin to agree with.

As a program it reads `{"seed", "count"}` from its standard input, and prints `[[query, entries, answer], …]`: whether
the query holds for each entry, or its refusal, or null for a blank one.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from poslogs.query.parser import parse
from poslogs.query.refusal import NotUnderstood

TOO_LARGE = "instructions"  # in a refusal that only RE2 can tell
PARTS = [*'ab01"-/\\*,.: \t()[]{}|?+^$', "ß", "ss", "É", "e\u0301", "İ", "ς", "Σ", "👍", "1.5", "true", "null", '"a b"']
PARTS += [
    "type:",
    "env:",
    "message:",
    "page:",
    "url:",
    "user:",
    "data.a:",
    "data.A.0:",
    "data.",
    "typ:",
    "/a/",
    "/^a$/",
]
SIGNS = [*"abcéßΣ.^$|()[]*+?-", "👍", "[^", "[^b]", "[\\s]", "[\\S]", "[\\Wa]", "(?:", "(?<n>", "{2}", "(?-i)"]
SIGNS += ["\\d", "\\w", "\\W", "\\s", "\\S", "\\b", "\\.", "\\-", "\\x41", "\\n"]
WORDS = ["", "a", "A", "ab", "aab", "a b", "a\nb", "ß", "SS", "é", "E\u0301", "i\u0307", "İ", "σ", "1", "1.5", "👍"]
WORDS += ["x/y", "a*b", "-", '"', "10:15", "\u00a0"]
KEYS = ["a", "A", "b", "page", "url", "user", "email", "0", "ß", "SS"]
NUMBERS = [1, 0, -0.0, 1.5, 1e21, 1e-7, 12345678901234567890]


def _query(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return "".join(chance.choices(PARTS, k=chance.randrange(1, 9)))
    field = chance.choice(["", "-", "page:", "type:", "message:", "data.a:"])
    return f"{field}/{''.join(chance.choices(SIGNS, k=chance.randrange(1, 7)))}/"


def _json(chance: random.Random, depth: int = 0) -> Any:
    kind = 0.0 if depth > 2 else chance.random()
    if kind < 0.5:
        return chance.choice([*WORDS, *NUMBERS, True, False, None])
    if kind < 0.75:
        return [_json(chance, depth + 1) for _ in range(chance.randrange(3))]
    return {chance.choice(KEYS): _json(chance, depth + 1) for _ in range(chance.randrange(4))}


def _entry(chance: random.Random) -> dict[str, Any]:
    kind, error_type, env = (chance.choice(WORDS) for _ in range(3))
    data = {chance.choice(KEYS): _json(chance) for _ in range(3)}
    message = chance.choice(WORDS) + chance.choice(WORDS)
    return {"type": kind, "error_type": error_type, "env": env, "message": message, "data": data}


def guessed(seed: int, count: int) -> list[tuple[str, list[dict[str, Any]], Any]]:
    """Queries, entries, and what the server makes of them; without what only RE2 can refuse."""
    chance = random.Random(seed)
    found: list[tuple[str, list[dict[str, Any]], Any]] = []
    for _ in range(count):
        query, entries = _query(chance), [_entry(chance) for _ in range(5)]
        answer: Any
        try:
            parsed = parse(query)
            answer = None if parsed is None else [parsed.holds(entry) for entry in entries]
        except NotUnderstood as refusal:
            answer = refusal.sentence
        if not (isinstance(answer, str) and TOO_LARGE in answer):
            found.append((query, entries, answer))
    return found


if __name__ == "__main__":
    print(json.dumps(guessed(**json.load(sys.stdin))))
