"""docs/operate.md: every command in it is run as it is pasted, but for the port."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from poslogs.access.clients import Clients
from tests.support.marked import marked_blocks
from tests.support.need import need, repo
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.reader import TOKEN, Reader
from tests.support.server import Server, free_port
from tests.wire.exchange import wait_for

pytestmark = pytest.mark.slow

BLOCKS = {block.name: block.code for block in marked_blocks(repo() / "docs" / "operate.md") if block.language == "sh"}
ALL = {"tokens", "start", "tls", "health", "rules", "log", "reload", "begin", "finish", "rolling", "backup", "exposure"}
STREAM = {"tool": "platformos.logs.stream", "input": {"env": "staging", "interval": 250, "lastId": "0"}}
STARTED = "streams at once"
WAIT_S = 60


class Place:
    """A folder with `.pos` and `clients.json`, in which commands are pasted; the server is at `url`."""

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        self.folder = folder
        self.port, self.other_port = free_port(), free_port()
        self.url, self.other_url = (f"http://127.0.0.1:{port}" for port in (self.port, self.other_port))
        Server(folder, environments={"staging": platformos}, start=False)  # writes the files
        bin_ = folder / "bin"
        bin_.mkdir()
        (bin_ / "poslogs").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m poslogs "$@"\n')
        (bin_ / "poslogs").chmod(0o755)
        (folder / "deploy").symlink_to(repo() / "deploy")
        self.env = {
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "PYTHONPATH": str(repo()),
            "PORT": str(self.port),
            "TOKEN": TOKEN,
        }

    def script(self, name: str) -> list[str]:
        """A block as a command."""
        code = BLOCKS[name].replace("3030", str(self.port)).replace("3031", str(self.other_port))
        return [need("bash"), "-euo", "pipefail", "-c", code]

    def run(self, name: str) -> str:
        """Paste a block; what it printed. AssertionError when it fails."""
        env = {**self.env, "HOME": str(self.folder), "NO_PROXY": "*"}
        ended = subprocess.run(
            self.script(name), cwd=self.folder, env=env, capture_output=True, text=True, timeout=2 * WAIT_S
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    @contextmanager
    def started(self, name: str = "start") -> Iterator[Program]:
        """A block that stays, once the server answers."""
        with Program(self.script(name), self.folder, self.env) as program:
            wait_for(lambda: self.log().count(STARTED) == 1 or STARTED in program.out.text, WAIT_S)
            yield program

    def log(self, name: str = "poslogs.log") -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def reader(self, last: str | None = None, url: str = "") -> Reader:
        return Reader(url or self.url, STREAM, headers={} if last is None else {"Last-Event-ID": last})


@pytest.fixture
def place(tmp_path: Path, platformos: PlatformOS) -> Place:
    return Place(tmp_path, platformos)


def test_every_command_of_the_page_has_a_test() -> None:
    """A new one is named here, and run below."""
    assert set(BLOCKS) == ALL
    text = (repo() / "docs" / "operate.md").read_text()
    assert text.count("```") == 2 * len(ALL)


def test_tokens_are_made_and_taken_back(place: Place) -> None:
    """The file is left as it was."""
    before = set(Clients(place.folder / "clients.json").all())
    told = place.run("tokens")
    assert "alice: staging" in told
    assert set(Clients(place.folder / "clients.json").all()) == before


def test_a_server_s_life_costs_its_readers_nothing(place: Place, platformos: PlatformOS) -> None:
    """Started, watched, reloaded, replaced and ended by the page's commands; readers go on where they were."""
    need("curl"), need("jq")
    platformos.add_many(3)
    with ExitStack() as stack:
        first = stack.enter_context(place.started())
        health = place.run("health")
        assert '"status": "ok"' in health
        assert "poslogs_streams_capacity 5800.0" in health

        reader = stack.enter_context(place.reader())
        reader.wait_entries(3, WAIT_S)
        master = (place.folder / "poslogs.pid").read_text()
        place.run("reload")
        reader.wait_end(WAIT_S)
        assert reader.ended_clean
        wait_for(lambda: place.log().count(STARTED) == 2, WAIT_S)
        assert (place.folder / "poslogs.pid").read_text() == master

        platformos.add_many(2)
        reader = stack.enter_context(place.reader(reader.last_id))
        reader.wait_entries(2, WAIT_S)
        place.run("begin")
        wait_for(lambda: place.log().count(STARTED) == 3, WAIT_S)
        assert (place.folder / "poslogs.pid.2").exists()
        place.run("finish")
        reader.wait_end(WAIT_S)
        assert reader.ended_clean
        assert first.wait_exit(WAIT_S) == 0
        platformos.add_many(1)
        reader = stack.enter_context(place.reader(reader.last_id))
        reader.wait_entries(1, WAIT_S)
        wait_for(lambda: not (place.folder / "poslogs.pid.2").exists(), WAIT_S)
        assert (place.folder / "poslogs.pid").read_text() != master
        place.run("finish")
        reader.wait_end(WAIT_S)

        wait_for(lambda: place.log().count('"reason"') == 3, WAIT_S)
        assert place.run("log").split() == ["3", "drained", "default"]


def test_one_server_takes_over_from_the_other(place: Place, platformos: PlatformOS) -> None:
    """Rolling: the reader of the old one goes on at the new one."""
    need("curl")
    platformos.add_many(2)
    with place.started(), place.reader() as reader:
        reader.wait_entries(2, WAIT_S)
        with Program(place.script("rolling"), place.folder, place.env) as rolled:
            assert rolled.wait_exit(2 * WAIT_S) == 0
            reader.wait_end(WAIT_S)
            assert reader.ended_clean
            platformos.add_many(1)
            with place.reader(reader.last_id, place.other_url) as again:
                again.wait_entries(1, WAIT_S)
                assert again.entry_ids == platformos.ids[-1:]


def test_gunicorn_s_own_tls_streams(place: Place, platformos: PlatformOS) -> None:
    """With a certificate and key in this folder."""
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
    made = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *files]
    subprocess.run(made, cwd=place.folder, check=True, capture_output=True, timeout=WAIT_S)
    platformos.add_many(1)
    with place.started("tls"):
        url, certificate = place.url.replace("http:", "https:"), str(place.folder / "fullchain.pem")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with requests.post(
            f"{url}/call-stream", json=STREAM, headers=headers, verify=certificate, stream=True, timeout=WAIT_S
        ) as answer:
            assert any(line.startswith(b"id: 1") for line in answer.iter_lines())


def test_a_backup_has_both_files_and_is_nobody_else_s(place: Place) -> None:
    """Both hold secrets."""
    place.run("backup")
    path = place.folder / "poslogs.tar.gz"
    with tarfile.open(path) as tar:
        assert sorted(tar.getnames()) == [".pos", "clients.json"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("name", "program"), [("rules", "promtool"), ("exposure", "systemd-analyze")])
def test_the_files_pass_their_checkers(place: Place, name: str, program: str) -> None:
    """As the page has it, from the folder that `deploy` is in."""
    need(program)
    told = place.run(name)
    if name == "exposure":
        (level,) = re.findall(r"Overall exposure level for poslogs\.service: ([\d.]+)", told)
        assert float(level) <= 2.0
    assert shutil.which(program)
