"""poslogs under servers that know nothing of it: gunicorn without our configuration, wsgiref, gevent, uWSGI."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.template import Template

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
PROGRAMS = {"wsgiref": WSGIREF, "pywsgi": PYWSGI, "patched pywsgi": PATCHED, "uwsgi": UWSGI, "uwsgi router": UWSGI}
GREENLETS = "patched pywsgi", "gevent", "--gevent"  # kinds and arguments with which modules are patched before the app


class Elsewhere(Server):
    """A server of `kind`, gunicorn, waitress or one of PROGRAMS, with `args`, started in a folder that is not ours.

    `templates` gives a template that has loaded the app, and nothing of any server.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        platformos: PlatformOS,
        *args: str,
        start: bool = True,
        templates: Callable[[str], Template] | None = None,
    ) -> None:
        super().__init__(
            folder,
            kind,
            environments={"staging": platformos},
            env={"CONFIG_FILE_PATH": str(folder / ".pos")},
            args=args,
            start=start,
            template=None if templates is None or {kind, *args} & {*GREENLETS} else templates("bare"),
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
        module = self.kind
        if code := PROGRAMS.get(self.kind):
            module = "serves"
            (self.folder / f"{module}.py").write_text(code.format(port=self.port))
        words: dict[str, Sequence[str]] = {
            "gunicorn": ["-b", address, *self.args, "wsgi:app"],
            "waitress": [f"--listen={address}", *self.args, "wsgi:app"],
            "uwsgi": [*UWSGI_ARGS, "--http-socket", address, *self.args],
            "uwsgi router": [*UWSGI_ARGS, "--http", address, *self.args],
        }
        return [sys.executable, "-m", module, *words.get(self.kind, [])]
