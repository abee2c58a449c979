"""How many examples a property is tried with: CI takes all, and `make test` on a person's machine takes half."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

IN_CI = bool(os.environ.get("CI"))  # there hypothesis takes the same examples each time, elsewhere others each time


def tries(count: int, **kw: Any) -> settings:
    """The settings of a test that CI tries with `count` examples; `kw` as for hypothesis.settings."""
    return settings(max_examples=count if IN_CI else count // 2, deadline=None, **kw)  # a machine may be busy
