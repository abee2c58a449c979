"""The clients: one for each environment, which may read no other, and one that asks for the server's health."""

from __future__ import annotations

from typing import Any

NAMES = ("staging", "production")  # of the environments
SECRETS = ("soak-token", "pos-token")  # what every token begins with; none of our own is one that is published
OPERATOR = "soak-token-operator"
PLENTY = "100000 per minute"  # requests


def token(environment: str) -> str:
    """The token of the client that reads this environment."""
    return f"soak-token-{environment}"


def clients(requests: str = PLENTY) -> dict[str, Any]:
    """What clients.json holds; `requests` is the rate that each client is granted."""
    limits = {"requests": requests, "streams": 1000}
    each = {name: {"token": token(name), "envs": [name], "limits": limits} for name in NAMES}
    return {**each, "operator": {"token": OPERATOR, "limits": limits}}


def filler(environment: str) -> str:
    """The letter that fills the messages of an environment's rows."""
    return environment[0]


def marks(environment: str) -> tuple[bytes, ...]:
    """Bytes that every row of the other environments holds, and no row of this one."""
    others = [name for name in NAMES if name != environment]
    return tuple(mark.encode() for name in others for mark in (name, filler(name) * 8))
