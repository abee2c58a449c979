"""A real server process, started in a folder of its own with its own `.pos` and `clients.json`."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.support.output import Output
from tests.support.platformos import PlatformOS
from tests.support.reader import TOKEN, Reader
from tests.support.template import Forked, Template

REPO = Path(__file__).resolve().parents[2]
CLIENTS = {
    "default": {
        "token": TOKEN,
        "name": "Default Client",
        "limits": {"requests": "100000 per minute", "streams": 1000},
    }
}
APP = "wsgi:app"
START_TIMEOUT_S = 60.0  # a machine may be busy with much else
STOP_TIMEOUT_S = 15.0
OURS = ("POSLOGS_", "MPKIT_", "GUNICORN_", "FLASK_")
ALSO_OURS = ("CONFIG_FILE_PATH", "HOST", "PORT", "WORKER_CLASS", "WEB_CONCURRENCY")


class Server:
    """The server as people run it. A context manager; `start` and `stop` may be called again, on the same port."""

    def __init__(
        self,
        folder: Path,
        kind: str = "gevent",
        *,
        environments: Mapping[str, PlatformOS | Mapping[str, str]] | None = None,
        clients: Mapping[str, Any] | Path | None = None,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        port: int | None = None,
        app: str = APP,
        start: bool = True,
        template: Template | None = None,
    ) -> None:
        """Without `environments` there is no `.pos`, hence a demo; `clients` may be a file that is there already.

        A `template` for this kind forks the process, in place of a start from nothing.
        """
        self.folder = folder
        self.kind = kind
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.args = list(args)
        self.app = app
        self.pos_file = folder / ".pos"
        self.clients_file = clients if isinstance(clients, Path) else folder / "clients.json"
        if environments is not None:
            self.write_pos(environments)
        if not isinstance(clients, Path):
            self.write_clients(CLIENTS if clients is None else clients)
        self._environ = {**_clean(os.environ), "POSLOGS_CLIENTS_FILE": str(self.clients_file), **(env or {})}
        self._http = requests.Session()
        self._http.trust_env = False
        self._template = template
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.out = Output()
        if start:
            self.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        """End it at once: a test that asks how it ends has stopped it."""
        self.kill()

    def write_pos(self, environments: Mapping[str, PlatformOS | Mapping[str, str]]) -> None:
        """Write `.pos`, in one step as far as a reader of the file can see."""
        told = {name: it.environment if isinstance(it, PlatformOS) else dict(it) for name, it in environments.items()}
        _write(self.pos_file, told, mode=0o644)

    def write_clients(self, clients: Mapping[str, Any]) -> None:
        """Write clients.json, in one step too, readable by its owner only."""
        _write(self.clients_file, clients, mode=0o600)

    def start(self, wait: bool = True) -> None:
        """Start the process and wait until it answers. AssertionError with its output when it does not."""
        if self._template is not None:
            self.process = self._template.fork(self._command()[2:], self.folder, self._environ)
        else:
            self.process = subprocess.Popen(
                self._command(),
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.out.follow(self.process)
        if wait:
            self.wait_live()

    def wait_live(self, timeout: float = START_TIMEOUT_S) -> None:
        """Wait until the server answers probes."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self._process.poll() is not None:
                self.out.wait_closed()
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.output}")
            with contextlib.suppress(requests.RequestException):
                if self.get("/livez", token=None, timeout=2).status_code == 200:
                    return
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"the server did not answer within {timeout} s:\n{self.output}")

    def stop(self) -> None:
        """End the process: TERM, and KILL for the whole group when that does not help in time."""
        if self.process is None:
            return
        self.forget_connections()  # one that is kept alive would keep the worker
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(STOP_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """End the process and all that it has started, without a word to them."""
        if self.process is None:
            return
        self.forget_connections()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # it has a session of its own, so nothing else is hit
        self.process.wait(STOP_TIMEOUT_S)
        self.out.wait_closed()

    @property
    def is_running(self) -> bool:
        """Whether the process that was started last still runs."""
        return self.process is not None and self.process.poll() is None

    def forget_connections(self) -> None:
        """Close what is kept alive for `get` and `post`."""
        self._http.close()

    @property
    def pid(self) -> int:
        """The process that was started: with gunicorn the master."""
        return self._process.pid

    @property
    def output(self) -> str:
        """All that the process has written."""
        return self.out.text

    def wait_output(self, part: str, timeout: float = 10) -> None:
        """Wait until the process has written `part`."""
        self.out.wait(part, timeout)

    def worker_pids(self) -> list[int]:
        """The children of the process that was started."""
        try:
            found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            found = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in found.split()]

    def worker_pid(self) -> int:
        """The one worker of gunicorn; the process itself where there is no master."""
        return self.worker_pids()[0] if self.kind in ("gevent", "gthread") else self.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started."""
        self._process.send_signal(number)

    def wait_exit(self, timeout: float = STOP_TIMEOUT_S) -> int:
        """The exit status, as soon as there is one."""
        return self._process.wait(timeout)

    def get(self, path: str, token: str | None = TOKEN, **kw: Any) -> requests.Response:
        """GET `path`."""
        return self._ask("GET", path, token, **kw)

    def post(self, path: str, json: Any = None, token: str | None = TOKEN, **kw: Any) -> requests.Response:
        """POST `json` to `path`."""
        return self._ask("POST", path, token, json=json, **kw)

    def call(self, tool: str, input: Mapping[str, Any] | None = None, token: str = TOKEN) -> Any:
        """What a tool answers, parsed. AssertionError when it is refused."""
        answer = self.post("/call", {"tool": tool, "input": input or {}}, token)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.json()["content"][0]["text"])

    def stream(self, tool: str, input: Mapping[str, Any], **kw: Any) -> Reader:
        """A reader of a stream of `tool`; `kw` as for Reader."""
        return Reader(self.url, {"tool": tool, "input": dict(input)}, **kw)

    def streams_open(self, token: str = TOKEN) -> int:
        """How many streams the server says are open."""
        count = self.get("/health", token).json()["streams"]
        assert isinstance(count, int)
        return count

    @property
    def _process(self) -> subprocess.Popen[bytes] | Forked:
        assert self.process is not None, "not started"
        return self.process

    def _ask(self, method: str, path: str, token: str | None, **kw: Any) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token is not None else {}), **kw.pop("headers", {})}
        return self._http.request(method, self.url + path, headers=headers, **{"timeout": 15, **kw})

    def _command(self) -> list[str]:
        address = f"127.0.0.1:{self.port}"
        module, *options = {
            "waitress": ["waitress", f"--listen={address}", "--threads=32", "--channel-request-lookahead=1"],
            "flask": ["flask", "--app", "wsgi", "run", "--port", str(self.port)],
        }.get(self.kind, ["gunicorn", "-c", str(REPO / "gunicorn.conf.py"), "-k", self.kind, "-b", address])
        app = [] if self.kind == "flask" else [self.app]
        return [sys.executable, "-m", module, *options, *self.args, *app]


def _write(path: Path, content: Mapping[str, Any], mode: int) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps(content))
    fresh.chmod(mode)
    fresh.replace(path)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(OURS) and name not in ALSO_OURS}
    return {**kept, "PYTHONPATH": str(REPO), "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port that nobody listens on, below those that systems give to outgoing connections.

    Each process of the tests has ports of its own, since one that was chosen is not listened on for a while yet.
    TEST_PORTS has those of a run begin further up, so that two runs go on side by side.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw31").removeprefix("gw"))
    process = (process + int(os.environ.get("TEST_PORTS") or 0)) % 32
    for port in random.SystemRandom().sample(range(14000 + 500 * process, 14500 + 500 * process), 100):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port among a hundred")
