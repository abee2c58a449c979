"""The hosts: each a way to serve poslogs, by its file of deploy/ or its command of docs/hosts.md."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import requests

from tests.hosts import deployed
from tests.hosts.deployed import HOME, POSLOGS, adapted, apache, command, nginx
from tests.hosts.elsewhere import UWSGI
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.reader import TOKEN, Reader
from tests.support.server import Server, free_port
from tests.support.template import Template

STREAM = "platformos.logs.stream"
FEW, FEW_STREAMS = "a-token-of-ten-streams", 10
PLACES = 12  # that each host has here: of 16 threads, or as POSLOGS_MAX_STREAMS says
ASKED = {"tool": STREAM, "input": {"env": "staging", "interval": 250}}
ROOMY = "100000 per minute"
CLIENTS = {
    "default": {"token": TOKEN, "limits": {"requests": ROOMY, "streams": 1000}},
    "few": {"token": FEW, "limits": {"requests": ROOMY, "streams": FEW_STREAMS}},
}
HEARTBEAT = {"POSLOGS_HEARTBEAT_SECONDS": "0.5"}


class Host(Server):
    """A host over the environment `staging`; people find it at `front`. A context manager, which starts it."""

    server: ClassVar = "gevent"  # of gunicorn; others have a command of their own
    prefix: ClassVar = "/logs"
    more: ClassVar[Mapping[str, str]] = {}  # variables
    farewell: ClassVar = True  # whether a stop says when to come back, and the log has a line of each stream then
    framed: ClassVar = True  # whether an answer without a length has an end of its own, which is not the connection's
    patience: ClassVar = 15.0  # seconds, for an answer
    announced: ClassVar = False  # the start says where people find it
    line: ClassVar = "Up to 12 streams at once are held here, under "  # what the log or the start says of its places
    template: ClassVar = ""  # the kind of template that may fork it: what is tested lies in its file, not in its start

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        self.platformos = platformos
        env = {**HEARTBEAT, "CONFIG_FILE_PATH": str(folder / ".pos"), **self.more}
        environments = {"staging": platformos}
        super().__init__(
            folder, self.server, environments=environments, clients=CLIENTS, env=env, port=free_port(), start=False
        )
        self.front = self.url + self.prefix

    def __enter__(self) -> Host:
        self.start()
        return self

    def open(self, *, last: str | None = None, path: str = "/call-stream", body: Any = ASKED, **kw: Any) -> Reader:
        """A reader of a stream, from behind `last` on; `kw` as for Reader."""
        headers = {**kw.pop("headers", {}), **({} if last is None else {"Last-Event-ID": last})}
        return Reader(self.front, body, headers=headers, path=self.prefix + path, **kw)

    def fork_from(self, templates: Callable[[str], Template]) -> None:
        """Have it forked from its template at each start, if it has one."""
        self._template = templates(self.template) if self.template else None

    def end_streams(self) -> None:
        """End what runs poslogs, as this host's operator does."""
        self.stop()

    def _ask(self, method: str, path: str, token: str | None, **kw: Any) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token is not None else {}), **kw.pop("headers", {})}
        try:
            return self._http.request(method, self.front + path, headers=headers, **{"timeout": self.patience, **kw})
        finally:
            self._http.close()  # uWSGI closes a connection without having said so


class Gunicorn(Host):
    """gunicorn as in the README, at the root."""

    prefix = ""
    more: ClassVar = {"POSLOGS_MAX_STREAMS": str(PLACES)}
    template = "gevent"
    announced = True
    line = "capacity      12 streams at once"


class GunicornBelow(Gunicorn):
    """gunicorn with threads, below a path that the proxy in front leaves in place."""

    server = template = "gthread"
    prefix = "/logs"
    more: ClassVar = {**Gunicorn.more, "POSLOGS_PREFIX": "/logs"}


class Waitress(Host):
    """waitress, by its command of docs/hosts.md."""

    template = "bare"

    def _command(self) -> list[str]:
        changes = {POSLOGS: f"127.0.0.1:{self.port}", "--threads=64": "--threads=16"}
        return [sys.executable, "-m", "waitress", *command("waitress-serve", changes)]


class Cheroot(Host):
    """cheroot, by its command of docs/hosts.md, below a path that only a setting tells it."""

    more: ClassVar = {"POSLOGS_PREFIX": "/logs"}
    template = "bare"

    def _command(self) -> list[str]:
        need("cheroot")
        changes = {POSLOGS: f"127.0.0.1:{self.port}", "--threads 64": "--threads 16"}
        return [sys.executable, "-m", "cheroot", *command("cheroot", changes)]


class Uwsgi(Host):
    """uWSGI with threads, over HTTP."""

    file: ClassVar = "uwsgi/poslogs.ini"
    size: ClassVar[Mapping[str, str]] = {"\nthreads = 64": "\nthreads = 16"}
    farewell = framed = False
    template = "bare"

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        super().__init__(folder, platformos)
        self.own_port = free_port()

    def _command(self) -> list[str]:
        need("pyuwsgi")
        changes = {POSLOGS: f"127.0.0.1:{self.port}", "127.0.0.1:3031": f"127.0.0.1:{self.own_port}"}
        folders = {HOME: str(self.folder), "/opt/poslogs": sys.prefix}
        file = adapted(self.file, self.folder, {**changes, **folders, **self.size})
        (self.folder / "serves.py").write_text(UWSGI)
        return [sys.executable, "-m", "serves", str(file)]


class UwsgiGevent(Uwsgi):
    """uWSGI with greenlets, over HTTP."""

    file = "uwsgi/poslogs-gevent.ini"
    size: ClassVar = {"gevent = 500": "gevent = 16"}
    farewell = True
    template = ""  # modules are patched before the app


class ModWsgi(Host):
    """A daemon of Apache's mod_wsgi, which is configured by its files alone."""

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        super().__init__(folder, platformos)
        for name in ("PYTHONPATH", "CONFIG_FILE_PATH", "POSLOGS_CLIENTS_FILE", *HEARTBEAT):
            del self._environ[name]

    def end_streams(self) -> None:
        """As the others do, by a reload: `apachectl stop` cuts all connections before it tells anybody."""
        self.signal(signal.SIGUSR1)

    def _command(self) -> list[str]:
        deployed.same_python(deployed.APACHE_MODULES / "mod_wsgi.so")
        adapted("apache/poslogs.wsgi", self.folder, {'_SECONDS"] = "15"': '_SECONDS"] = "0.5"'})
        changes = {
            "threads=64": "threads=16",
            "python-home=/opt/poslogs": f"python-path={deployed.packages()}",
            HOME: str(self.folder),
            "/etc/poslogs": str(self.folder),
        }
        file = adapted("apache/poslogs-wsgi.conf", self.folder, changes)
        return [*apache(self.folder, self.port, file, "wsgi")]


class Passenger(Host):
    """poslogs' own server, started by Passenger, which passes requests on to it."""

    more: ClassVar = {"POSLOGS_MAX_STREAMS": str(PLACES)}
    farewell = False  # Passenger ends all connections first
    line = "capacity      12 streams at once"

    def _command(self) -> list[str]:
        (self.folder / "public").mkdir(exist_ok=True)
        poslogs = deployed.program(self.folder / "poslogs", sys.executable, "-m", "poslogs")
        changes = {"/opt/poslogs/bin/poslogs": str(poslogs), HOME: str(self.folder)}
        more = deployed.PASSENGER.format(folder=self.folder)
        file = adapted("apache/poslogs-passenger.conf", self.folder, changes)
        return [*apache(self.folder, self.port, file, "passenger", "headers", more=more)]


class Proxied(Host):
    """A host behind a proxy, which stays when the host is stopped."""

    def __init__(self, folder: Path, platformos: PlatformOS) -> None:
        super().__init__(folder, platformos)
        self.front_port = free_port()
        self.front = f"http://127.0.0.1:{self.front_port}{self.prefix}"
        self._proxies = ExitStack()

    def __enter__(self) -> Host:
        folder = self.folder / "proxy"
        folder.mkdir()
        with ExitStack() as proxies:  # which ends with a start that fails
            self.proxy = proxies.enter_context(Program(self.in_front(folder), folder))
            super().__enter__()
            self._proxies = proxies.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            super().__exit__(*exc)
        finally:
            self._proxies.close()

    @property
    def output(self) -> str:
        """What the host and its proxy have written."""
        return super().output + self.proxy.out.text

    def in_front(self, folder: Path) -> Sequence[str]:
        """The proxy's command; its files go into `folder`."""
        raise NotImplementedError


class Behind(Proxied, Gunicorn):
    """gunicorn behind a proxy, which takes the path away."""

    prefix = "/logs"
    more: ClassVar = {**Gunicorn.more, "POSLOGS_PROXY_HOPS": "1"}
    announced = False

    @property
    def changes(self) -> dict[str, str]:
        """What to replace in the proxy's file."""
        return {POSLOGS: f"127.0.0.1:{self.port}"}


class Nginx(Behind):
    """nginx, within an operator's own server block."""

    def in_front(self, folder: Path) -> Sequence[str]:
        """As `Behind` has it."""
        file = adapted("nginx/poslogs-path.conf", folder, self.changes)
        return nginx(folder, self.front_port, f"include {file};")


class ApacheProxy(Behind):
    """Apache's mod_proxy."""

    def in_front(self, folder: Path) -> Sequence[str]:
        """As `Behind` has it."""
        file = adapted("apache/poslogs-proxy.conf", folder, self.changes)
        return apache(folder, self.front_port, file, "proxy", "proxy_http", "headers")


class Haproxy(Behind):
    """HAProxy."""

    def in_front(self, folder: Path) -> Sequence[str]:
        """As `Behind` has it."""
        changes = {
            "127.0.0.1:8080": f"127.0.0.1:{self.front_port}",
            "inter 5s": "inter 500ms rise 1 fall 60",
            "timeout connect 5s": "timeout connect 5s\n  timeout check 10s",  # else 500 ms, and it fails at once
        }
        return [need("haproxy"), "-db", "-f", str(adapted("haproxy/haproxy.cfg", folder, {**self.changes, **changes}))]


class Caddy(Behind):
    """Caddy, without TLS here."""

    def in_front(self, folder: Path) -> Sequence[str]:
        """As `Behind` has it."""
        changes = {"\nlogs.example.com": f"\n{{\nadmin off\n}}\nhttp://127.0.0.1:{self.front_port}"}
        file = adapted("caddy/Caddyfile", folder, {**self.changes, **changes})
        return [need("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)]


class NginxUwsgi(Proxied, Uwsgi):
    """uWSGI behind nginx, in uWSGI's own protocol."""

    def in_front(self, folder: Path) -> Sequence[str]:
        """As `Proxied` has it."""
        changes = {
            "127.0.0.1:3031": f"127.0.0.1:{self.own_port}",
            "include uwsgi_params": "include /etc/nginx/uwsgi_params",
        }
        file = adapted("nginx/poslogs-uwsgi.conf", folder, changes)
        return nginx(folder, self.front_port, f"include {file};")


HOSTS: dict[str, type[Host]] = {
    "gunicorn": Gunicorn,
    "gunicorn below a path": GunicornBelow,
    "nginx": Nginx,
    "mod_wsgi": ModWsgi,
    "mod_proxy": ApacheProxy,
    "Passenger": Passenger,
    "uWSGI": Uwsgi,
    "uWSGI with gevent": UwsgiGevent,
    "nginx and uWSGI": NginxUwsgi,
    "waitress": Waitress,
    "cheroot": Cheroot,
    "HAProxy": Haproxy,
    "Caddy": Caddy,
}
