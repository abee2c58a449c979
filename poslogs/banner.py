"""The banner: what the server prints once it has started."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence

from poslogs import __version__
from poslogs.app import Parts
from poslogs.plain import plain
from poslogs.servers import json_lines

UNIX = "unix:"


def greeting(parts: Parts, addresses: Sequence[str], ticket: str | None, root: str) -> str:
    """What a start prints: the banner, where the log is JSON as a line of it; what is collected holds no token."""
    if not json_lines.wanted():
        return banner(parts, addresses, ticket, root)
    unshown = "" if ticket is None else f"\n{json_lines.UNSHOWN}"
    return json_lines.line(banner(parts, addresses, None, root) + unshown, logging.INFO)


def banner(parts: Parts, addresses: Sequence[str], ticket: str | None = None, root: str = "") -> str:
    """The text: what is served, to whom, within which limits, and a command to paste; `root` is the app's path.

    `ticket` is the token of this run, if one was made. It is printed here and nowhere else.
    """
    environments = parts.environments.all()
    clients = parts.clients.all().values()
    demo = parts.environments.demo
    name = "staging" if "staging" in environments else next(iter(environments))
    readers = [client for client in clients if client.may_read(environments[name])]
    limited = next(iter(readers or clients))
    token = ticket or next((client.published for client in readers if client.published), None) or _whose(parts)
    where = _base(addresses[0], root)
    found = [address if address.startswith(UNIX) else f"{address}{root}" for address in addresses]
    lines = [
        f"poslogs {__version__} at {' and '.join(found)}",
        f"  environments  {', '.join(environments)}"
        + (" (a demo: simulated, as there is no .pos here)" if demo else f" (from {parts.environments.source})"),
        f"  clients       {len(clients)} (from {parts.clients.path}){_about_published(parts)}",
    ]
    alike = len({(client.requests, client.streams) for client in clients}) == 1
    whose = "for each client" if alike else f"for client {limited.id}; others differ"
    lines += [
        f"  limits        {limited.requests}; {limited.streams} streams; {whose}",
        f"  capacity      {'unbounded' if parts.slots.capacity is None else parts.slots.capacity} streams at once",
    ]
    if parts.fleet is not None:
        engine = parts.fleet.engine
        lines.append(f"  engine        Redis at {engine.address.shown}, which all workers share. {engine.state.why}")
    if ticket is not None:
        lines += [
            "A token was made for this run; `python -m poslogs token new NAME` makes one that lasts.",
            *([] if where is None else [f"Open {where}/#token={ticket} in a browser."]),
        ]
    lines += [
        "Paste this into another shell to see the log arrive:",
        f"  curl {_socket(addresses[0])}-N -X POST {where or f'http://localhost{root}'}/call-stream \\",
        f'    -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\',
        f'    -d \'{{"tool":"platformos.logs.stream","input":{{"env":"{name}"}}}}\'',
    ]
    return "\n".join(plain(line) for line in lines)


def _about_published(parts: Parts) -> str:
    if not any(client.published for client in parts.clients.all().values()):
        return ""
    if parts.environments.demo:
        return ", with published tokens that work on this machine only"
    return ", with published tokens that open a demo only"


def _whose(parts: Parts) -> str:
    """The text that replaces a token that is not shown."""
    return "<the token of this run>" if parts.clients.has_run else f"<a token of {parts.clients.path}>"


def _base(address: str, root: str) -> str | None:
    """The address of the page for a browser on this machine; None for a Unix socket."""
    if address.startswith(UNIX):
        return None
    return address.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:") + root


def _socket(address: str) -> str:
    """The option of curl for a Unix socket, with a space after it; "" for other addresses."""
    if not address.startswith(UNIX):
        return ""
    path = address.removeprefix(UNIX)
    kind, path = ("--abstract-unix-socket", path[1:]) if path.startswith("@") else ("--unix-socket", path)
    return f"{kind} {shlex.quote(path)} "
