"""poslogs under servers that know nothing of it: gunicorn without our configuration, wsgiref, gevent, uWSGI."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from tests.support.platformos import PlatformOS
from tests.support.server import Server

WSGIREF = """
from wsgiref.simple_server import make_server
from wsgi import app
make_server("127.0.0.1", {port}, app).serve_forever()
"""
PYWSGI = """
from gevent.pywsgi import WSGIServer
from wsgi import app
WSGIServer(("127.0.0.1", {port}), app).serve_forever()
"""
UWSGI = "from pyuwsgi import run; run()"  # as its program `uwsgi` does
UWSGI_ARGS = [
    "--need-app",
    "--master",
    "--die-on-term",
    "--worker-reload-mercy=1",
    "--lazy-apps",
    "--module",
    "wsgi:app",
]
PATCHED = f"from gevent.monkey import patch_all; patch_all(){PYWSGI}"


class Elsewhere(Server):
    """A server of `kind`, one of the keys of `_command`, with `args`; it is started in a folder that is not ours."""

    def __init__(self, folder: Path, kind: str, platformos: PlatformOS, *args: str, start: bool = True) -> None:
        super().__init__(
            folder,
            kind,
            environments={"staging": platformos},
            env={"CONFIG_FILE_PATH": str(folder / ".pos")},
            args=args,
            start=start,
        )

    def told(self, part: str) -> int:
        """How many lines of the log hold `part`."""
        return sum(part in line for line in self.output.splitlines())

    def _ask(self, method: str, path: str, token: str | None, **kw: Any) -> requests.Response:
        try:
            return super()._ask(method, path, token, **kw)
        finally:
            self._http.close()  # uWSGI closes a connection without having said so

    def _command(self) -> list[str]:
        address = f"127.0.0.1:{self.port}"
        commands: dict[str, Sequence[str]] = {
            "gunicorn": ["-m", "gunicorn", "-b", address, *self.args, "wsgi:app"],
            "wsgiref": ["-c", WSGIREF.format(port=self.port)],
            "pywsgi": ["-c", PYWSGI.format(port=self.port)],
            "patched pywsgi": ["-c", PATCHED.format(port=self.port)],
            "waitress": ["-m", "waitress", f"--listen={address}", *self.args, "wsgi:app"],
            "uwsgi": ["-c", UWSGI, *UWSGI_ARGS, "--http-socket", address, *self.args],
            "uwsgi router": ["-c", UWSGI, *UWSGI_ARGS, "--http", address, *self.args],
        }
        return [sys.executable, *commands[self.kind]]
