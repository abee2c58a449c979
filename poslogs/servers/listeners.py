"""Listeners: the sockets on which a server accepts its clients."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Final

SEND_BYTES: Final = 256 * 1024  # kept by the kernel for a reader that does not read; a larger batch waits for room
STALL_MS: Final = 120_000  # until a reader that takes nothing is cut (docs/decisions/0007-lost-and-stalled.md)


def tune(listeners: Iterable[Any]) -> None:
    """Bound what the kernel keeps for slow readers: on Linux an accepted socket inherits both options.

    Processes share a listener, so one that tunes it does so for all.
    """
    for listener in listeners:
        if listener.family in (socket.AF_INET, socket.AF_INET6):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_MS)


def is_loopback(host: str) -> bool:
    """Whether a server that listens on this host is reached from this machine only."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url(address: Any) -> str:
    """The URL of a listener, from what its `getsockname` returns; `unix:` and a path for a Unix socket."""
    if isinstance(address, bytes):  # in Linux's abstract namespace, which has no files
        return f"unix:@{os.fsdecode(address[1:])}"
    if not isinstance(address, tuple):
        return f"unix:{os.path.abspath(address)}"
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"
