"""Names: what a request calls the server, and which of these names no stranger can have given to it."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{0,5})?", re.IGNORECASE)


def name_of(host: str) -> str:
    """The name in a `Host` header, in lower case, without port and brackets; "" when it is not well formed."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def is_local(host: str) -> bool:
    """Whether a host is the machine itself: localhost, *.localhost or an address of loopback, with a port or without.

    No name server outside can have given such a name to this machine, as an attacker's has who rebinds his own name.
    """
    name = name_of(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name or host).is_loopback
    except ValueError:
        return False


def is_known(host: str, names: Collection[str]) -> bool:
    """Whether a `Host` header names the machine itself, or one of these names in lower case."""
    return is_local(host) or name_of(host) in names
