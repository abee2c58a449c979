"""The banner: what a newcomer reads when the server has started."""

from __future__ import annotations

from collections.abc import Sequence

from poslogs import __version__
from poslogs.app import Parts
from poslogs.plain import plain


def banner(parts: Parts, addresses: Sequence[str]) -> str:
    """What is served, to whom, within which limits, and a command to paste."""
    environments = parts.environments.all()
    demo = all(env.demo for env in environments.values())
    clients = parts.clients.all().values()
    name = "staging" if "staging" in environments else next(iter(environments))
    first = next((client for client in clients if client.may_read(name)), None)
    base = addresses[0].replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:")
    published = [client.published for client in clients if client.published and client.may_read(name)]
    token = published[0] if published else f"<a token of {parts.clients.path}>"
    lines = [
        f"poslogs {__version__} at {' and '.join(addresses)}",
        f"  environments  {', '.join(environments)}"
        + (" (a demo: simulated, as there is no .pos here)" if demo else f" (from {parts.environments.source})"),
        f"  clients       {len(clients)} (from {parts.clients.path})"
        + (", with published tokens that work on this machine only" if published else ""),
    ]
    if first is not None:
        alike = len({(client.requests, client.streams) for client in clients}) == 1
        whose = "for each client" if alike else f"for client {first.id}; others differ"
        lines.append(f"  limits        {first.requests}; {first.streams} streams; {whose}")
    lines += [
        f"  capacity      {parts.slots.capacity or 'unbounded'} streams at once",
        "Paste this into another shell to see the log arrive:",
        f"  curl -N -X POST {base}/call-stream \\",
        f'    -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\',
        f'    -d \'{{"tool":"platformos.logs.stream","input":{{"env":"{name}"}}}}\'',
    ]
    return "\n".join(plain(line) for line in lines)
