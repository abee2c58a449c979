"""Origins: whose pages may call."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Origins:
    """Web origins, in which `*` stands for any port or name; `*` alone is any origin."""

    def __init__(self, origins: Iterable[str]) -> None:
        self.patterns = [_pattern(origin) for origin in origins]

    def allow(self, origin: str) -> bool:
        """Whether pages of this origin may call."""
        return any(pattern == "*" or re.match(pattern, origin) is not None for pattern in self.patterns)


def _pattern(origin: str) -> str | re.Pattern[str]:
    if origin == "*":
        return "*"
    pattern = re.escape(origin)
    if pattern.endswith(r":\*"):
        pattern = pattern[: -len(r":\*")] + r"(:\d+)?"
    return re.compile("^" + pattern.replace(r"\*", r"[A-Za-z0-9.-]+") + "$")
