"""Fetches: a call that reads the log from the start, or its newest rows, against what was listed by then."""

from __future__ import annotations

import json
import time
from typing import Any

import requests

from tests.soak.environment import Environment
from tests.soak.ledger import Row
from tests.soak.newest import SLOW_SECONDS, newest
from tests.wire.exchange import FETCH

ANSWER_SECONDS = 90.0  # a call may ask for 60 s, and wait before that
LATER = (429, 502, 503)  # answers after which a client tries again: this one does not
LIMIT = 4000  # rows


def fetch(url: str, environment: Environment, asked_for: dict[str, Any]) -> str | None:
    """What is wrong with the answer to a fetch; "" when nothing is; None when there is no answer to judge.

    `asked_for` is `lastId` "0", for the first LIMIT rows, or `tail`, for the newest ones.
    """
    body = {"tool": FETCH, "input": {"env": environment.name, **asked_for}}
    if "lastId" in asked_for:
        body["input"]["limit"] = LIMIT
    asked = time.monotonic()
    try:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {environment.token}"}
            answer = session.post(f"{url}/call", json=body, headers=headers, timeout=ANSWER_SECONDS)
    except requests.RequestException:
        return None  # the server went away
    came = time.monotonic()
    if answer.status_code != 200:
        return None if answer.status_code in LATER else f"{answer.status_code} {answer.text[:200]}"
    found = json.loads(answer.json()["content"][0]["text"])
    listing = environment.listing
    if listing.epoch(asked) != listing.epoch(came):
        return None
    given = [entry["data"]["serial"] for entry in found["logs"]]
    if "tail" in asked_for:
        if came > asked + SLOW_SECONDS:
            return None
        return newest(given, asked_for["tail"], listing, asked, came)
    known = [row for row in listing.rows().values() if row.at < asked and row.serial not in listing.withdrawn]
    return _first(given, [row for row in known if row.id <= int(found["lastId"])]) or _end(found, known)


def _first(given: list[int], listed: list[Row]) -> str:
    """What is wrong with the rows given, up to the last."""
    had = set(given)
    if lost := [row.serial for row in listed if row.serial not in had]:
        return f"lost {len(lost)}: rows {sorted(lost)[:20]}"
    place = {serial: at for at, serial in enumerate(given)}
    in_order = [place[row.serial] for row in sorted(listed, key=lambda row: row.id)]
    if len(had) < len(given) or in_order != sorted(in_order):
        return f"doubled or out of order: rows {given[:20]}"
    return ""


def _end(found: dict[str, Any], known: list[Row]) -> str:
    """What is wrong with the end of an answer that says it is whole."""
    end = max((row.id for row in known), default=0)
    if not found["truncated"] and int(found["lastId"]) < end:
        return f"ends at {found['lastId']} though {end} was listed"
    return ""
