"""docs/fleet.md: every command in it is run as it is pasted but for the ports, and each promise names its test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.test_operate import Place as Pasted
from tests.support.marked import marked_blocks
from tests.support.need import need, repo
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.server import free_port
from tests.wire.exchange import wait_for

PAGE = repo() / "docs" / "fleet.md"
BLOCKS = {block.name: block.code for block in marked_blocks(PAGE) if block.language == "sh"}
ALL = {"redis", "workers", "health", "acl"}
WAIT_S = 60


class Place(Pasted):
    """A folder with `.pos` and `clients.json`, in which the page's commands are pasted."""

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        super().__init__(folder, platformos)
        self.redis_port = free_port()

    def script(self, name: str) -> list[str]:
        code = BLOCKS[name].replace("3030", str(self.port)).replace("6379", str(self.redis_port))
        return [need("bash"), "-euo", "pipefail", "-c", code]

    @contextmanager
    def running(self, name: str, part: str) -> Iterator[Program]:
        """A block that stays, once it has written `part`."""
        with Program(self.script(name), self.folder, self.env) as program:
            program.out.wait(part, WAIT_S)
            yield program


def test_every_command_of_the_page_is_named_here() -> None:
    """A new one is run below."""
    assert set(BLOCKS) == ALL
    assert PAGE.read_text().count("```") == 2 * len(ALL)


def test_each_promise_names_a_test_of_its_number() -> None:
    """And each of the tests of promises is named."""
    rows = re.findall(r"^\| (\d+) \| .* \| `(test_(\d+)_\w+\.py)`", PAGE.read_text(), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 11))
    assert all(int(number) == int(named) for number, _, named in rows)
    here = Path(__file__).parent
    assert {name for _, name, _ in rows} == {it.name for it in here.glob("test_[0-9]*.py")} - {"test_00_harness.py"}


def test_every_link_leads_somewhere() -> None:
    """To a file of the repository."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target


def test_the_commands_make_a_fleet(platformos: PlatformOS, tmp_path: Path) -> None:
    """Redis and four workers are started as the page says, and what it asks of /health and /metrics is there."""
    need("redis-server"), need("curl"), need("jq")
    platformos.add_many(3)
    place = Place(tmp_path, platformos)
    told: dict[str, object] = {}

    def is_well() -> bool:
        told.update(json.JSONDecoder().raw_decode(place.run("health"))[0])
        return told["state"] == "ok"

    with (
        place.running("redis", "Ready to accept connections"),
        place.running("workers", "streams at once"),
        place.reader() as reader,
    ):
        reader.wait_entries(3, WAIT_S)
        wait_for(is_well, WAIT_S)
    assert {"state", "since", "why"} <= set(told)
