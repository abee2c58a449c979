"""Hosts that can hold no stream: each serves one request at a time, or each in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from tests.hosts.deployed import HOME, PASSENGER, adapted, apache, nginx, packages, program
from tests.hosts.elsewhere import UWSGI
from tests.hosts.hosts import Host, Proxied
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.server import free_port

PYTHON = "/opt/poslogs/bin/python"
SCRIPTS = "/usr/local/lib/poslogs"
PANEL = """
Alias /logs {folder}/public
<Location /logs>
  Require all granted
  PassengerBaseURI /logs
  PassengerAppRoot {folder}
  PassengerPython {python}
</Location>
"""


class Streamless(Host):
    """A host that refuses streams, with `why`."""

    why: ClassVar[str]


class UnderApache(Streamless):
    """One that Apache runs."""

    patience = 60.0  # a process may be started for the answer

    def wait_live(self, timeout: float = 60) -> None:
        """Wait until Apache serves: a probe that is given up may leave a process behind that slows down the next."""
        self.wait_output("resuming normal operations", timeout)


class Cgi(UnderApache):
    """Apache's mod_cgid, which starts a process for each request."""

    why = "CGI starts a process for each request, in which no limit holds; run `python -m poslogs serve` instead."
    script: ClassVar = "cgi/poslogs.cgi"
    file: ClassVar = "apache/poslogs-cgi.conf"
    module: ClassVar = "cgid"

    def _command(self) -> list[str]:
        found = f"#!/usr/bin/env -S PYTHONPATH={packages()} {sys.executable}"
        adapted(self.script, self.folder, {f"#!{PYTHON}": found, HOME: str(self.folder)}).chmod(0o755)
        return [
            *apache(self.folder, self.port, adapted(self.file, self.folder, {SCRIPTS: str(self.folder)}), self.module)
        ]


class Fcgid(Cgi):
    """Apache's mod_fcgid, whose processes serve one request at a time."""

    why = "FastCGI serves one request at a time, so that a stream would keep all others waiting; run `python -m"
    script = "cgi/poslogs.fcgi"
    file = "apache/poslogs-fcgid.conf"
    module = "fcgid"

    def _command(self) -> list[str]:
        need("flup")
        return super()._command()


class Panel(UnderApache):
    """Passenger with its own loader, as hosting panels have it."""

    why = "Passenger serves one request at a time, so that a stream would keep all others waiting; let its Passenger"

    def _command(self) -> list[str]:
        adapted("passenger/passenger_wsgi.py", self.folder, {})
        (self.folder / "public").mkdir(exist_ok=True)
        python = program(self.folder / "python", sys.executable)
        (self.folder / "panel.conf").write_text(PANEL.format(folder=self.folder, python=python))
        more = PASSENGER.format(folder=self.folder)
        return [*apache(self.folder, self.port, self.folder / "panel.conf", "passenger", more=more)]


class PythonAnywhere(Streamless, Proxied):
    """uWSGI as PythonAnywhere runs it: processes without threads, behind an nginx that collects what it passes on."""

    prefix = ""
    why = "uWSGI serves one request at a time, so that a stream would keep all others waiting; "

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        super().__init__(folder, platformos)
        self.own_port = free_port()

    def _command(self) -> list[str]:
        need("pyuwsgi")
        file = adapted("pythonanywhere/wsgi.py", self.folder, {"/home/NAME/poslogs": str(self.folder)})
        served = ["--wsgi-file", str(file), "--processes", "2", "--master", "--die-on-term", "--lazy-apps"]
        sockets = ["--http-socket", f"127.0.0.1:{self.port}", "--uwsgi-socket", f"127.0.0.1:{self.own_port}"]
        return [sys.executable, "-c", UWSGI, *served, *sockets]

    def in_front(self, folder: Path) -> list[str]:
        """As `Proxied` has it."""
        passed = f"include /etc/nginx/uwsgi_params; uwsgi_pass 127.0.0.1:{self.own_port};"
        server = f"location / {{ {passed} uwsgi_buffering on; uwsgi_ignore_headers X-Accel-Buffering; }}"
        return [*nginx(folder, self.front_port, server)]


STREAMLESS: dict[str, type[Streamless]] = {
    "CGI": Cgi,
    "mod_fcgid": Fcgid,
    "Passenger": Panel,
    "PythonAnywhere": PythonAnywhere,
}
