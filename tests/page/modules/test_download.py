"""download.js: the file that a browser saves. What is in it: tests/javascript/modules/download.test.mjs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.page.modules.conftest import OpenTab
from tests.support.server import Server

Start = Callable[..., Server]

SAVE = """async ([format, entries, env]) => (await import("/page/download.js")).save(entries, format, env)"""

ENTRY = {
    "id": "9007199254740993",
    "timestamp": "2024-01-01T12:00:00.000Z",
    "type": "info",
    "message": "é😀",
    "data": {},
    "env": "staging",
    "error_type": "info",
}


@pytest.mark.parametrize(("format_", "ending"), [("NDJSON", "ndjson"), ("Text", "log"), ("CSV", "csv")])
def test_the_file_is_named_by_environment_and_time(
    server: Start, tab: OpenTab, tmp_path: Path, format_: str, ending: str
) -> None:
    """Every system takes the name, and the file is UTF-8."""
    page = tab(server())
    with page.page.expect_download() as begun:
        page.run(SAVE, [format_, [ENTRY], "my/env: ü"])
    download = begun.value
    assert re.fullmatch(rf"poslogs-my_env___-\d{{8}}T\d{{6}}Z\.{ending}", download.suggested_filename)
    download.save_as(tmp_path / "file")
    assert "é😀" in (tmp_path / "file").read_text(encoding="utf-8")
