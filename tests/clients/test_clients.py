"""Clients that people have, with the headers that they send by themselves, against a real server."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import HEARTBEAT_S, House
from tests.clients.table import CLIENTS
from tests.conftest import GUNICORN_KINDS
from tests.support.need import repo
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.server import Server

pytestmark = pytest.mark.timeout(180)

WAIT_S = 30  # for a loaded machine
PRINTED = re.compile(r"(\d+) (<[^<>\n]*>)")
SIGNS = (
    "Grüße\u2028日本\x85🎉"  # in more bytes than one; some clients that read lines end one at the middle or the last
)

Entries = list[tuple[str, str]]


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_has_each_entry_at_once_and_resumes(name: str, house: House, tmp_path: Path) -> None:
    """Each row is listed after the client has printed the one before; then it is killed, rows come, and it goes on.

    While it waits nothing is sent that could push out what it holds back: no heartbeat is due.
    """
    assert HEARTBEAT_S > WAIT_S
    client, platformos = CLIENTS[name], house.stand_ins[name]
    listed: Entries = []
    with client.follow(tmp_path / "first", house.server.url, name) as first:
        platformos.wait_for_requests(1, WAIT_S)  # it is connected, and nothing is there yet
        for _ in range(3):
            _list(platformos, listed)
            _wait_printed(first, listed)
    last_id, _ = listed[-1]
    _list(platformos, listed, 2)  # while nobody reads
    with client.follow(tmp_path / "second", house.server.url, name, last_id) as second:
        _wait_printed(second, listed[3:])
        _list(platformos, listed)
        _wait_printed(second, listed[3:])
    assert _printed(first) + _printed(second) == listed


@pytest.mark.slow
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_eventsource_goes_on_by_itself_after_the_server_was_killed(
    kind: str, server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path
) -> None:
    """Its `Last-Event-ID` wins over the `lastId` that stays in its body: it gets each entry once, in order."""
    listed: Entries = []
    _list(platformos, listed, 2)
    running = server(kind)
    with CLIENTS["eventsource"].follow(tmp_path / "client", running.url, "staging", last_id=listed[0][0]) as client:
        _wait_printed(client, listed[1:])
        os.killpg(running.pid, signal.SIGKILL)
        running.stop()
        _list(platformos, listed, 2)
        running.start()
        _wait_printed(client, listed[1:])
        _list(platformos, listed)
        _wait_printed(client, listed[1:])


def test_the_guide_names_the_clients_that_are_tested() -> None:
    """The table of the guide has a row for each client, and no other."""
    section = (repo() / "docs" / "guide.md").read_text(encoding="utf-8").split("### Others\n")[1].split("\n## ")[0]
    told = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[1:]
    assert sorted(told) == sorted(client.name for client in CLIENTS.values())


def _list(platformos: PlatformOS, listed: Entries, count: int = 1) -> None:
    """List rows, and note in `listed` what is to be printed of them."""
    for _ in range(count):
        message = f"<{len(listed) + 1} {SIGNS}>"
        listed.append((str(platformos.add({"message": message})[0]), message))


def _printed(program: Program) -> Entries:
    return PRINTED.findall(program.out.text)


def _wait_printed(program: Program, entries: Entries) -> None:
    """Wait until as many entries are printed, and see that they are these."""
    program.out.wait_until(lambda _: len(_printed(program)) >= len(entries), WAIT_S)
    assert _printed(program) == entries
