"""Tabs for these tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.server import Server

if TYPE_CHECKING:
    from tests.page.conftest import Window
    from tests.page.modules.tab import Tab

OpenTab = Callable[..., "Tab"]


@pytest.fixture
def tab(window: Window) -> OpenTab:
    """`tab(server)`: a tab, always of the same browser; `init` is a script that runs before any other."""
    from tests.page.modules.tab import Tab

    contexts: list[Any] = []

    def opened(server: Server, init: str = "") -> Tab:
        if not contexts:
            contexts.append(window(own=bool(init)))
            if init:
                contexts[0].add_init_script(init)
        return Tab(contexts[0], server)

    return opened
