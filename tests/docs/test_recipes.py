"""docs/recipes.md against a real server: every recipe is run as it is pasted, until it shows what it promises.

The comment above a recipe has an expression that its output must match. The first block has the functions that the
others use.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lent import Lender
from tests.support.marked import marked_blocks
from tests.support.need import need, repo
from tests.support.output import Output
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server

PAGE = repo() / "docs" / "recipes.md"
BASE_URL = "http://localhost:3030"
FUNCTIONS, *RECIPES = marked_blocks(PAGE)
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def server(lender: Lender) -> Iterator[Server]:
    """Two environments in which orders and errors are logged, three times a second."""
    over = threading.Event()

    def log(*sites: PlatformOS) -> None:
        while True:
            for site in sites:
                site.add({"message": "Order 7 paid"}, {"error_type": "error", "message": "Order 8 failed"})
            if over.wait(0.3):
                return

    with PlatformOS() as staging, PlatformOS() as production:
        writer = threading.Thread(target=log, args=(staging, production))
        writer.start()
        try:
            with lender.lend("gevent", environments={"staging": staging, "production": production}) as running:
                yield running
        finally:
            over.set()
            writer.join()


def test_every_block_but_the_first_is_a_recipe_of_one_line() -> None:
    """No block is left out, and none has grown into a program."""
    assert (FUNCTIONS.kind, FUNCTIONS.name) == ("save", "functions")
    assert {block.kind for block in RECIPES} == {"run"}
    assert [block.code.count("\n") for block in RECIPES] == [1] * len(RECIPES)
    assert len(RECIPES) >= 10


@pytest.mark.parametrize(
    ("shows", "line"), [pytest.param(block.name, block.code, id=f"line-{block.line}") for block in RECIPES]
)
def test_a_recipe_shows_what_it_promises(server: Server, tmp_path: Path, shows: str, line: str) -> None:
    """Each is pasted into bash after the functions. The test ends it once it has shown that: some never end."""
    need("curl")
    need("jq")
    functions = FUNCTIONS.code.replace(BASE_URL, f"http://localhost:{server.port}")
    environ = os.environ | {"CLIENT_SECRET": TOKEN, "no_proxy": "localhost"}
    command = [need("bash"), "-c", functions + line]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    out = Output()
    try:
        out.follow(process)
        out.wait_until(lambda text: re.search(shows, text, re.MULTILINE) is not None, TIMEOUT_S)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert "jq: error" not in out.text
