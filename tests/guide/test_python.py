"""The guide's Python client."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.guide.blocks import code, runs
from tests.guide.conftest import Scene
from tests.support.need import need
from tests.support.program import Program

pytestmark = pytest.mark.timeout(90)


@runs("python")
def test_the_python_client_prints_time_type_and_message(scene: Scene, tmp_path: Path) -> None:
    """It prints errors from before and after the start, each once and in order, and nothing else."""
    need("sseclient")
    before = scene.add("error", "info", "error")
    with _client(tmp_path) as client:
        client.wait_line(before[2])
        after = scene.add("debug", "error")
        client.wait_line(after[1])
        expected = [f"[{scene.timestamp(text)}] [ERROR] {text}" for text in (before[0], before[2], after[1])]
        assert [line for line in client.lines if scene.mark in line] == expected
        assert not [line for line in client.lines if line.startswith(("Raw data", "Error", "Traceback"))]


@runs("python")
def test_the_python_client_is_told_of_an_error_and_of_the_end(scene: Scene, tmp_path: Path) -> None:
    """When platformOS refuses the token the client prints the error, says that the stream is complete, and ends."""
    need("sseclient")
    scene.staging.fail("status", status=401, body={"error": "unauthorized"})
    with _client(tmp_path) as client:
        assert client.wait_exit(30) == 0, client.out.text
        assert client.lines[-1] == "Stream completed"
        assert client.lines[-2].startswith('Error: {"type":"error","text":"{')
        assert scene.staging.token not in client.out.text


def _client(folder: Path) -> Program:
    script = folder / "client.py"
    script.write_text(code("python"))
    return Program([sys.executable, str(script)], folder)
