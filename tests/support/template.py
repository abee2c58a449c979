"""A process that has loaded what a server loads, and forks servers: a start costs a tenth of what it costs otherwise.

A server that was forked is gunicorn's own master with its own worker, or another server, with files, variables,
session and output of its own. Of its start, Python's own and most imports are left out. So this is for servers that are
lent; what a start promises is tested with servers that are started as people start them.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import re
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from tests.support.loaded import BARE, MASTERS, SHARING, Loaded

FORK_S = 90.0  # the first fork waits until all is loaded, on a machine that may have much else to do
MOST_BYTES = 1 << 17  # of a message; variables are most of it
ROOT = Path(__file__).resolve().parents[2]
# Variables that poslogs, or breaking.py, reads as a worker makes the app. Others may be read as a module is loaded.
OURS = re.compile(r"POSLOGS_\w+|MPKIT_\w+|CONFIG_FILE_PATH|BREAK_FILE")
LOADED_BY = {"gevent": "gevent", "gthread": "gthread", "waitress": BARE, "flask": BARE, BARE: BARE}
LIKE_OTHERS = {"environments", "clients", "args", "app", "port", "start"}  # of what Server takes


class Forked:
    """A process that a template has forked: what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._ended = threading.Event()

    def end(self, returncode: int) -> None:
        """Know that the process has ended, and how: as Popen.returncode."""
        self.returncode = returncode
        self._ended.set()

    def poll(self) -> int | None:
        """The exit status, if there is one."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, as soon as there is one. subprocess.TimeoutExpired when there is none in time."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Template:
    """Forks servers of one kind. A context manager; servers are ended before.

    The processes of the tests that name the same folder share one process that does. It ends with the last of them.
    """

    @staticmethod
    def suits(kind: str, env: Mapping[str, str] | None = None, **kw: Any) -> bool:
        """Whether a server as asked for, `kw` as for Server, needs nothing of a start from nothing."""
        return kind in LOADED_BY and all(map(OURS.fullmatch, env or {})) and set(kw) <= LIKE_OTHERS

    @staticmethod
    def loaded_by(kind: str, env: Mapping[str, str] | None = None) -> str:
        """The kind of template that has loaded what a server of this kind loads, with these variables."""
        return LOADED_BY[kind] + (SHARING if "POSLOGS_REDIS_URL" in (env or {}) else "")

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.path = folder / f"template-{kind.replace(' ', '-')}"
        self.process = 0  # its id
        self._lock = threading.Lock()  # over a start
        self._changed = threading.Condition()
        self._forked: dict[int, Forked] = {}
        self._stdout: list[int] = []  # what the next process writes, to be read from here
        self._new: list[Forked] = []  # the process that was forked last, until `fork` takes it
        self._ended = False
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._ours = self._met() or self._begun()
        threading.Thread(target=self._listen, name="template", daemon=True).start()

    def __enter__(self) -> Template:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ours.shutdown(socket.SHUT_RDWR)

    def _met(self) -> socket.socket | None:
        """A connection to the process, once it has loaded; None if there is none, or none that goes on."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(FORK_S)
        with contextlib.suppress(OSError):
            connection.connect(str(self.path))
            if told := connection.recv(MOST_BYTES):
                self.process = json.loads(told)["loaded"]
                connection.settimeout(None)
                return connection
        connection.close()
        return None

    def _begun(self) -> socket.socket:
        """Start the process; a connection to it. AssertionError with what it wrote if it ends instead."""
        self.path.unlink(missing_ok=True)
        wrote = self.path.with_suffix(".txt")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, wrote.open("w") as out:
            listener.bind(str(self.path))
            listener.listen(64)
            subprocess.run(
                [sys.executable, "-m", "tests.support.template", self.kind, str(listener.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=[listener.fileno()],
                start_new_session=True,
                check=True,
            )
        met = self._met()
        assert met, f"the template did not load:\n{wrote.read_text()}"
        return met

    def fork(self, argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Forked:
        """Start `python -m` these arguments in a folder, with these variables alone."""
        message = json.dumps({"argv": list(argv), "folder": str(folder), "env": dict(env)}).encode()
        with self._lock:
            read, write = os.pipe()
            self._stdout.append(read)
            socket.send_fds(self._ours, [message], [write])
            os.close(write)
            with self._changed:
                self._changed.wait_for(lambda: self._new or self._ended, FORK_S)
                assert self._new, f"the template forked nothing:\n{self.path.with_suffix('.txt').read_text()}"
                return self._new.pop()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._ours.recv(MOST_BYTES):
                told = json.loads(data)
                with self._changed:
                    if "status" in told:
                        self._forked.pop(told["pid"]).end(told["status"])
                    else:
                        forked = Forked(told["pid"], os.fdopen(self._stdout.pop(), "rb"))
                        self._forked[forked.pid] = forked
                        self._new.append(forked)
                        self._changed.notify_all()
        self._ours.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def forked(listener: socket.socket) -> tuple[dict[str, Any], int] | None:
    """Fork for each message of each process of the tests, and tell it how each process ended.

    Returns in each process that was forked, with the message and where it writes; None once nobody is connected.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes the loop below
    signal.set_wakeup_fd(write)
    connected: list[socket.socket] = []
    owners: dict[int, socket.socket] = {}  # who asked for a process
    while True:
        ready, _, _ = select.select([listener, read, *connected], [], [])
        if read in ready:
            os.read(read, 1024)
            _tell_ended(owners)
        if listener in ready:
            connected.append(listener.accept()[0])
            connected[-1].send(json.dumps({"loaded": os.getpid()}).encode())
        for control in [each for each in connected if each in ready]:
            data, given, _, _ = socket.recv_fds(control, MOST_BYTES, 1)
            if not data:
                connected.remove(control)
                control.close()
                if not connected:
                    return None
            elif pid := os.fork():
                owners[pid] = control
                os.close(given[0])
            else:
                os.setsid()  # before anybody knows of it, who might end its whole session
                control.send(json.dumps({"pid": os.getpid()}).encode())
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for fd in (read, write, listener.detach(), *(each.detach() for each in connected)):
                    os.close(fd)
                return json.loads(data), given[0]


def _tell_ended(owners: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            status = {"pid": ended[0], "status": os.waitstatus_to_exitcode(ended[1])}
            with contextlib.suppress(OSError):  # it may have ended itself
                owners.pop(ended[0]).send(json.dumps(status).encode())


def become(told: Mapping[str, Any], out: int, loaded: Loaded) -> None:
    """Be the server, in this process, and end as it does."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["env"])
    paths = [each for each in told["env"].get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [told["folder"], *paths, *(each for each in sys.path[1:] if each != str(ROOT))]
    module, *options = told["argv"]
    if MASTERS[0] in sys.modules:
        options += ["--chdir", told["folder"]]  # it has taken the template's for the current one
        import_module("poslogs.servers.master").subprocess = SimpleNamespace(run=loaded.check, PIPE=subprocess.PIPE)
    sys.argv = [module, *options]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # no child of the process of the tests that began it, which may end before the others
    loaded = Loaded(sys.argv[1])
    gc.collect()
    gc.freeze()  # no server's collector goes through what is loaded here
    told = forked(socket.socket(fileno=int(sys.argv[2])))
    if told is not None:
        become(*told, loaded)
