"""Networks: sets of IP addresses, such as those of the proxies in front of the server."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

SITE_BITS: Final = 64  # of an IPv6 address; one subscriber has all addresses that begin with them


class Networks:
    """Networks by their notation (`10.0.0.0/8`, `::1`). Raises ValueError for text that is not a network."""

    def __init__(self, written: Iterable[str]) -> None:
        self._networks = tuple(ip_network(text, strict=False) for text in written)

    def __repr__(self) -> str:
        return f"Networks({[str(network) for network in self._networks]})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and other._networks == self._networks

    def __hash__(self) -> int:
        return hash(self._networks)

    def __contains__(self, address: str) -> bool:
        """Whether an address is in one of them; text that is not an address is in none."""
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def site(address: str) -> str:
    """The unit by which connections are counted: an IPv4 address, or the /64 of an IPv6 address."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, SITE_BITS), strict=False))
    return address if parsed is None else str(parsed)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
