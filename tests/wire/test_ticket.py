"""With real environments and only published tokens there is a token for the run, shown once in the line to paste."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import gone
from tests.hosts.foreign import Foreign, Ours
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.server import REPO, Server
from tests.wire.exchange import READER, clients, wait_for

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
SHIPPED = REPO / "clients.json"
STREAM = "platformos.logs.stream"
TOKEN = re.compile(r"[\w-]{43}")  # 32 random bytes
PASTE = "Paste this into another shell to see the log arrive:\n"
LAST = '"input":{"env":"staging"}}\'\n'


@pytest.fixture
def foreign(platformos: PlatformOS, tmp_path: Path) -> Iterator[Callable[..., Foreign]]:
    """Starts a server under a configuration of three lines, or ours named by its path, with the shipped clients."""
    with ExitStack() as stack:

        def start(kind: str, cls: type[Foreign] = Foreign) -> Foreign:
            server = stack.enter_context(cls(tmp_path, kind, platformos))
            server.clients_file.write_text(SHIPPED.read_text())
            server.start()
            return server

        yield start


def shown(server: Server) -> str:
    """The token in the start-up lines: in the page's address and in the command, and nowhere else."""
    server.wait_output(" in a browser.\n")
    server.wait_output(LAST)
    (address,) = re.findall(r"^Open (\S+) in a browser\.$", server.output, re.MULTILINE)
    base, _, token = address.partition("/#token=")
    assert base == server.url
    assert TOKEN.fullmatch(token), address
    assert f'-H "Authorization: Bearer {token}"' in server.output
    assert server.output.count(token) == 2
    assert "`python -m poslogs token new NAME` makes one that lasts." in server.output
    return token


def paste(server: Server, folder: Path) -> Program:
    """The command of the start-up lines, run by bash as it was printed."""
    need("curl")
    server.wait_output(LAST)
    command = server.output.partition(PASTE)[2].partition(LAST)[0] + LAST
    return Program([need("bash"), "-c", command], folder)


def everywhere_else(server: Server) -> str:
    """The arguments and variables of the server's processes, as other programs of the account see them."""
    told = b""
    for pid in (server.pid, *server.worker_pids()):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):  # an old worker may end meanwhile
                told += Path(f"/proc/{pid}/{name}").read_bytes()
    return told.decode(errors="replace")


def replaced(server: Server, old: int) -> None:
    """Wait until another worker serves."""
    wait_for(lambda: gone(old) and bool(server.worker_pids()), 20)
    server.wait_live()


# The token is handed on by the master, which is the same under either: each kind and each configuration once.
@pytest.mark.parametrize(("kind", "cls"), [("gevent", Foreign), ("gthread", Ours)])
def test_the_token_of_a_run_outlives_its_workers(
    foreign: Callable[..., Foreign], platformos: PlatformOS, kind: str, cls: type[Foreign]
) -> None:
    """Under our configuration or three lines, one token is shown once for all workers, after a kill and SIGHUP too."""
    platformos.add({"message": "of the real site"})
    server = foreign(kind, cls)
    token = shown(server)
    assert server.get("/health", "your-client-secret-here").status_code == 403
    for end in (signal.SIGKILL, signal.SIGHUP):
        with server.stream(STREAM, {"env": "staging"}, token=token) as reader:
            assert reader.wait_entries(1)[0]["message"] == "of the real site"
        old = server.worker_pid()
        if end is signal.SIGKILL:
            os.kill(old, end)
        else:
            server.signal(end)
        replaced(server, old)
        assert server.get("/health", token).status_code == 200
    server.out.wait_until(lambda text: text.count(LAST) == 3)
    assert server.output.count(token) == 2
    assert server.output.count("Bearer <the token of this run>") == 2
    assert token not in everywhere_else(server)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_the_line_of_a_start_with_real_environments_streams_when_pasted(
    server: Start, platformos: PlatformOS, tmp_path: Path, kind: str
) -> None:
    """On a fresh checkout with a `.pos` bash runs the line unchanged. The limits are the default ones."""
    platformos.add({"message": "of the real site"})
    running = server(kind, clients=SHIPPED)
    token = shown(running)
    with paste(running, tmp_path) as curl:
        curl.wait_line("of the real site", 30)
    answer = running.get("/health", token)
    assert answer.headers["X-RateLimit-Limit"] == "20"
    assert [env["name"] for env in answer.json()["environments"]] == ["staging"]


def test_a_server_with_a_token_of_ones_own_makes_none(server: Start, platformos: PlatformOS) -> None:
    """Beside published ones too: the line has a place for it."""
    running = server(clients=clients(default={"token": "your-token"}), own=True)
    running.wait_output(LAST)
    assert f"Bearer <a token of {running.clients_file}>" in running.output
    assert "#token=" not in running.output
    assert READER not in running.output


def test_a_demo_has_no_token_of_its_run_until_a_pos_appears_and_it_is_reloaded(
    server: Start, platformos: PlatformOS
) -> None:
    """The published tokens stop working, and the log says what to do. A reload shows a token in the start-up lines."""
    running = server(environments=None, clients=SHIPPED)
    running.wait_output(LAST)
    assert "#token=" not in running.output
    running.write_pos({"staging": platformos})
    assert running.get("/health", "your-token").status_code == 403
    running.wait_output("open no real environment; `python -m poslogs token new NAME` makes one that does.")
    old = running.worker_pid()
    running.signal(signal.SIGHUP)
    replaced(running, old)
    assert running.get("/health", shown(running)).status_code == 200


@pytest.mark.parametrize("kind", ["waitress", "flask"])
def test_other_servers_print_the_token_of_a_run_once(server: Start, platformos: PlatformOS, kind: str) -> None:
    """The app prints it as it is made, since nothing else does. The token opens what is served."""
    running = server(kind, clients=SHIPPED)
    running.wait_output("makes a token that lasts.")
    (token,) = re.findall(r"/#token=([\w-]{43})$", running.output, re.MULTILINE)
    assert f"\n  {token}\n" in running.output
    assert running.output.count(token) == 2
    assert running.get("/health", token).status_code == 200
    assert running.get("/health", token[:-1]).status_code == 401
    assert running.output.count(token) == 2


# Other ways in than an address


@pytest.mark.parametrize("real", [False, True])
def test_the_line_to_paste_reaches_a_unix_socket(
    server: Start, platformos: PlatformOS, tmp_path: Path, real: bool
) -> None:
    """The folder has a blank in its name. A published token opens the demo, the run's token a real site."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    platformos.add({"message": "of the real site"})
    environments = {"staging": platformos} if real else None
    # gunicorn takes several addresses, and the first is named in the line
    running = server(environments=environments, clients=SHIPPED, start=False)
    tcp = f"127.0.0.1:{running.port}"
    running.args = ["--config", str(REPO / "gunicorn.conf.py"), "--bind", f"unix:{folder}/logs.sock", "--bind", tcp]
    running._command = lambda: [sys.executable, "-m", "gunicorn", *running.args, "wsgi:app"]  # type: ignore[method-assign]
    running.start()
    with paste(running, tmp_path) as curl:
        curl.wait_line("of the real site" if real else 'data: {"type":"text"', 30)
    line = running.output.partition(PASTE)[2]
    assert line.startswith(f"  curl --unix-socket '{folder}/logs.sock' -N -X POST http://localhost/call-stream \\\n")


def activated(
    listening: socket.socket, folder: Path, *args: str, config: Path = REPO / "gunicorn.conf.py"
) -> list[str]:
    """The command that starts a server as systemd does: its listener is descriptor 3, as two variables say."""
    command = shlex.join([sys.executable, "-m", "gunicorn", "-c", str(config), *args, "wsgi:app"])
    given = f"env LISTEN_PID=$$ LISTEN_FDS=1 POSLOGS_CLIENTS_FILE={shlex.quote(str(folder / 'clients.json'))}"
    return [need("bash"), "-c", f"cd {shlex.quote(str(folder))} && exec {given} {command} 3<&{listening.fileno()}"]


def environ(folder: Path) -> dict[str, str]:
    """The variables of a person who has set none."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(REPO), "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_socket_that_is_handed_over_is_looked_at_itself(tmp_path: Path, kind: str, foreign: bool) -> None:
    """systemd listens on 0.0.0.0, whatever is configured here: with published tokens alone no server starts."""
    (tmp_path / "clients.json").write_text(SHIPPED.read_text())
    config = REPO / "gunicorn.conf.py"
    if foreign:
        cls = "GeventWorker" if kind == "gevent" else "ThreadWorker"
        config = tmp_path / "mine.py"
        config.write_text(f'bind = "127.0.0.1:0"\nworker_class = "poslogs.servers.gunicorn.{cls}"\n')
    with socket.create_server(("0.0.0.0", 0)) as listening:
        ended = subprocess.run(
            activated(listening, tmp_path, *([] if foreign else ["-k", kind]), config=config),
            env=environ(tmp_path),
            pass_fds=(listening.fileno(),),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == 1, ended.stderr
    (told,) = [line for line in ended.stderr.splitlines() if line.startswith("poslogs cannot start: ")]
    assert "are all published with poslogs, and 0.0.0.0 is not loopback" in told
    assert "Traceback" not in ended.stderr
    assert "Booting worker" not in ended.stderr


def test_a_socket_of_loopback_is_taken_over_whatever_is_configured(
    server: Start, platformos: PlatformOS, tmp_path: Path
) -> None:
    """HOST is 0.0.0.0, but nothing listens there, so the start is as on loopback."""
    (tmp_path / "clients.json").write_text(SHIPPED.read_text())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = server(folder=tmp_path, clients=tmp_path / "clients.json", start=False)
        running.port = listening.getsockname()[1]
        running.url = f"http://127.0.0.1:{running.port}"
        running.process = subprocess.Popen(
            activated(listening, tmp_path),
            env={**environ(tmp_path), "HOST": "0.0.0.0"},
            pass_fds=(listening.fileno(),),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running.out.follow(running.process)
        running.wait_live()
        assert running.get("/health", shown(running)).status_code == 200
