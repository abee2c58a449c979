"""The wheel: whole, and enough to serve from an empty folder."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest
import requests

from poslogs import __version__
from poslogs.access.client import published_of
from poslogs.doors.page.door import STATIC
from tests.package.installed import Installed, build, run
from tests.support.need import need, repo
from tests.support.program import Program

START_S = 60.0  # for a server, on a machine that has much else to do
NAMED = re.compile(r"[\"'](?:\./|page/)?([\w-]+\.(?:js|css|svg))[\"']")  # a file of the page, in another one
SHIPPED = {"clients.json": "packaging/clients.json", "gunicorn.conf.py": "gunicorn.conf.py"}
GEVENT = "poslogs.servers.gunicorn.GeventWorker"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


class Run(Program):
    """A server that is started by `words`, on the address of HOST and PORT, in an empty folder."""

    def __init__(self, installed: Installed, folder: Path, *words: str) -> None:
        self.env = installed.environ(folder)
        self.url = f"http://127.0.0.1:{self.env['PORT']}"
        super().__init__([str(installed.bin / words[0]), *words[1:]], folder, self.env)

    def wait(self, part: str) -> None:
        """Wait until the program has written `part`; fails if it ends before that."""
        self.out.wait_until(lambda text: part in text or self.process.poll() is not None, START_S)
        assert part in self.out.text, self.out.text

    def get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.url + path, timeout=START_S)

    def status_for(self, token: str) -> int:
        """How a request with this token is answered."""
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {token}"}
            return session.get(f"{self.url}/tools", headers=headers, timeout=START_S).status_code


@contextlib.contextmanager
def running(installed: Installed, folder: Path, *words: str) -> Iterator[Run]:
    """A server that has printed what it serves."""
    with Run(installed, folder, *words) as started:
        started.wait("Paste this into another shell")
        yield started


class Curl(Program):
    """curl, following the demo's log as the banner says."""

    def __init__(self, url: str, folder: Path) -> None:
        body = '{"tool":"platformos.logs.stream","input":{"env":"staging"}}'
        headers = ["-H", "Authorization: Bearer your-client-secret-here", "-H", "Content-Type: application/json"]
        super().__init__(
            [need("curl"), "-q", "-sS", "-N", "-X", "POST", f"{url}/call-stream", *headers, "-d", body], folder
        )

    def wait_entries(self, count: int) -> None:
        self.out.wait_until(lambda text: text.count("event: data\n") >= count, START_S)


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel: Path) -> None:
    """It has every file of the package that git does not ignore, and what comes with it, but nobody's `.pos`."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "poslogs"], repo()).split()
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert names == {*listed, *(f"poslogs/shipped/{name}" for name in SHIPPED)}
        for name, source in SHIPPED.items():
            assert archive.read(f"poslogs/shipped/{name}") == (repo() / source).read_bytes()


def test_the_clients_that_come_with_it_are_those_of_a_fresh_checkout_and_published() -> None:
    """The checkout's own file is not packed, since people add tokens to it."""
    packed = (repo() / SHIPPED["clients.json"]).read_bytes()
    assert packed.decode() == run(["git", "show", "HEAD:clients.json"], repo())
    assert len(published_of(json.loads(packed))) == len(json.loads(packed)) == 2


def test_its_metadata_say_what_it_is(wheel: Path) -> None:
    """They have the package's own version, the licence, and the command."""
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        told = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
        assert "poslogs = poslogs.cli:main" in archive.read(f"{folder}/entry_points.txt").decode()
        assert archive.read(f"{folder}/licenses/LICENSE").startswith(b"MIT License\n")
    assert (told["Name"], told["Version"], told["License-Expression"]) == ("poslogs", __version__, "MIT")
    assert told["Requires-Python"] == ">=3.11"


@pytest.mark.slow
def test_what_is_pinned_is_all_that_it_needs(installed: Installed) -> None:
    """pip finds each dependency, and theirs, in its range: beside the wheel there is what is pinned, and no more."""
    assert "No broken requirements found." in installed.pip("check")


@pytest.mark.slow
def test_it_serves_from_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    """`poslogs serve`: the demo streams to curl, the page has all its files, and SIGTERM ends all of it well."""
    with running(installed, tmp_path, "poslogs", "serve") as server, Curl(server.url, tmp_path) as curl:
        curl.wait_entries(3)
        assert f"poslogs {__version__} at {server.url}" in server.out.text
        assert "capacity      5800 streams at once" in server.out.text  # our numbers, however it is started
        seen, due = set(), NAMED.findall(server.get("/").text)
        while due:
            if (name := due.pop()) not in seen:
                seen.add(name)
                answer = server.get(f"/page/{name}")
                assert (answer.status_code, answer.content) == (200, (STATIC / name).read_bytes()), name
                due += NAMED.findall(answer.text)
        assert seen == {path.name for path in STATIC.iterdir()} - {"index.html"}
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(START_S) == 0
        assert curl.process.wait(START_S) == 0
        server.out.wait_closed()
        assert "Traceback" not in server.out.text
    assert list(tmp_path.iterdir()) == []  # nothing was left there


@pytest.mark.slow
def test_a_token_made_there_is_taken_without_a_restart(installed: Installed, tmp_path: Path) -> None:
    """It goes into a clients.json of the folder, with the shipped ones. What is installed stays as it is."""
    with running(installed, tmp_path, "poslogs", "serve") as server:
        token = run([str(installed.bin / "poslogs"), "token", "new", "alice"], tmp_path, server.env).strip()
        assert server.status_for(token) == 200
        assert server.status_for("your-client-secret-here") == 200
        listed = run([str(installed.bin / "python"), "-m", "poslogs", "token", "list"], tmp_path, server.env)
        assert re.findall(r"^(\S+):", listed, re.M) == ["default", "guide", "alice"]
        run([str(installed.bin / "poslogs"), "token", "revoke", "alice"], tmp_path, server.env)
        assert server.status_for(token) == 401
    (shipped,) = (installed.bin.parent / "lib").rglob("poslogs/shipped/clients.json")
    assert shipped.read_bytes() == (repo() / SHIPPED["clients.json"]).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "capacity"),
    [
        pytest.param(["poslogs", "serve", "-k", "gthread", "--threads", "64"], 48, id="options of gunicorn"),
        pytest.param(["python", "-m", "poslogs", "serve", "-c", "mine.py"], 375, id="a configuration that is named"),
        pytest.param(["poslogs", "serve", "-k", GEVENT], 450, id="the folder's own configuration"),
        pytest.param(["python", "-m", "gunicorn", "-k", GEVENT, "poslogs.wsgi:app"], 450, id="gunicorn itself"),
    ],
)
def test_it_is_started_as_gunicorn_is(installed: Installed, tmp_path: Path, words: list[str], capacity: int) -> None:
    """It takes gunicorn's options, and an operator's own configuration replaces ours, as with gunicorn."""
    mine = f'import os\nbind = "127.0.0.1:" + os.environ["PORT"]\nworker_class = "{GEVENT}"\nworker_connections = '
    (tmp_path / "mine.py").write_text(f"{mine}500\n")
    if capacity == 450:
        (tmp_path / "gunicorn.conf.py").write_text(f"{mine}600\n")
    with running(installed, tmp_path, *words) as server, Curl(server.url, tmp_path) as curl:
        curl.wait_entries(1)
        assert f"capacity      {capacity} streams at once" in server.out.text
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(START_S) == 0
        assert curl.process.wait(START_S) == 0


@pytest.mark.slow
def test_it_hands_over_to_a_new_one(installed: Installed, tmp_path: Path) -> None:
    """SIGUSR2 starts another beside it, which takes over its port; the old one ends by SIGTERM."""
    with running(installed, tmp_path, "poslogs", "serve") as server:
        server.process.send_signal(signal.SIGUSR2)
        server.out.wait_until(lambda text: text.count("Paste this into another shell") == 2, START_S)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(START_S) == 0
        with Curl(server.url, tmp_path) as curl:
            curl.wait_entries(1)
        assert "Traceback" not in server.out.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--nonsense"], "poslogs serve: error: unrecognized arguments: --nonsense"),
        (["other:app"], "poslogs serve: error: it serves poslogs alone; leave out other:app"),
    ],
)
def test_what_gunicorn_does_not_take_is_refused(
    installed: Installed, tmp_path: Path, words: list[str], told: str
) -> None:
    """Wrong usage gets a sentence and status 2."""
    with Run(installed, tmp_path, "poslogs", "serve", *words) as started:
        assert started.wait_exit(START_S) == 2
        assert started.out.text.splitlines() == ["usage: poslogs serve [OPTIONS]", told]
