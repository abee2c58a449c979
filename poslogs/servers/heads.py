"""Heads of requests: how large one may be, which names are taken, and whether it is whole.

gunicorn bounds the number of fields and the size of each, which together allow 778 kB. Our workers read requests by
this class under any configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

HEAD_BYTES: Final = 64 * 1024  # the request line and all fields
JUNCTION_BYTES: Final = 3  # of the four that end a head, as many may have come in an earlier piece
_LONE_LF: Final = re.compile(rb"(?<!\r)\n")


class BoundedRequest(Request):
    """A request whose head has HEAD_BYTES at most; a larger one raises LimitRequestHeaders, and gets 431.

    A name with an underscore is taken only where `forwarder_headers` names it, and from a peer that
    `forwarded_allow_ips` names: `header_map = "dangerous"` would let anybody set SCRIPT_NAME.
    """

    grew: ClassVar[Any]  # a function of a socket and a size, from `install` on
    _come = 0

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read more of the head. Raises LimitRequestHeaders where it has HEAD_BYTES and is not whole."""
        if self._come >= HEAD_BYTES:
            raise LimitRequestHeaders(f"the head is larger than {HEAD_BYTES} bytes")
        if self._come:
            self.grew(getattr(unreader, "sock", None), self._come)
        before = len(buf)
        super().read_into(unreader, buf, stop)
        self._come += len(buf) - before

    def _apply_header_policy(
        self, name: str, value: str, scheme_state: Any, seen: Any, schemes: Any, forwarders: Any, **more: Any
    ) -> Any:
        kept = super()._apply_header_policy(name, value, scheme_state, seen, schemes, forwarders, **more)
        return None if "_" in name and name not in forwarders and "*" not in forwarders else kept


def install(grew: Callable[[Any, int], None]) -> None:
    """Have gunicorn read the requests of this process by BoundedRequest.

    `grew` is called with the socket, and the bytes so far, of a head that comes in more than one piece.
    """
    BoundedRequest.grew = staticmethod(grew)
    RequestParser.mesg_class = BoundedRequest


def is_whole(head: bytes, known: int = 0) -> bool:
    """Whether a parser need not wait for more: the head has ended, is too large, or can never end.

    The first `known` bytes were searched before, without success.
    """
    end = head.find(b"\r\n\r\n", max(0, known - JUNCTION_BYTES))
    return end >= 0 or len(head) >= HEAD_BYTES or _LONE_LF.search(head, known) is not None


def trust_nobody_by_default(cfg: Any) -> None:
    """Take no SCRIPT_NAME or PATH_INFO from a header where the configuration leaves gunicorn's default."""
    setting = cfg.settings["forwarder_headers"]
    if setting.get() == setting.validator(setting.default):
        cfg.set("forwarder_headers", "")
