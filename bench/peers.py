"""The servers that are measured: how each is started, what it is asked, and whether it is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.places import HERE, Places, nchan_module, program, redis_server

BODY = '{"tool":"platformos.logs.stream","input":{"env":"staging","interval":{interval}}}'
ASKED = 50  # distinct filters, or distinct queries, that the readers of a peer have in turn
EXPRESSIONS = 10  # of those queries
TOKEN = "a-token-of-the-bench"  # noqa: S105 - of the run's own clients.json
GUNICORN = "{python} -m gunicorn"
MANY = "-b 127.0.0.1:{port} --worker-connections 20000 --backlog 4096 --log-level warning"
POSLOGS = f"{GUNICORN} -c {{project}}/gunicorn.conf.py wsgi:app -k gevent -w {{workers}} {MANY}"
NGINX = "{nginx} -p {tmp} -c {tmp}/nginx.conf -e {tmp}/error.log"
FEW = 200  # streams that a server can bear which polls for each of them

Found = Callable[[Places], bool]


def _has_modules(_places: Places) -> bool:
    return all(importlib.util.find_spec(name) for name in ("flask", "gevent", "gunicorn", "requests"))


def _has_engine(places: Places) -> bool:
    return _has_modules(places) and importlib.util.find_spec("redis") is not None and redis_server() is not None


def _has_nchan(_places: Places) -> bool:
    return program("nginx") is not None and nchan_module() is not None


def _has_better_sse(places: Places) -> bool:
    return program("node") is not None and (places.peers / "npm/node_modules/better-sse").is_dir()


def _has_starlette(places: Places) -> bool:
    return os.access(places.peers / "venv/bin/uvicorn", os.X_OK)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server. In its texts {port}, {tmp} and the other words of `words` are replaced."""

    name: str
    command: str
    found: Found
    install: str  # what to do when it is not installed
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # of this folder: the name in the run's own folder
    path: str = "/call-stream"
    bodies: tuple[str, ...] = (BODY,)  # of POSTs, which the streams have in turn; none: a GET without a token
    many_tokens: bool = False  # spread the streams over many clients, for the sake of limits for each
    gzip: int = 0  # ask for gzip, and inflate this many of the streams
    push_path: str = ""  # where rows are published, for a server that does not poll
    push_every: float | None = None  # ms between two POSTs; None: one each interval, with finished frames
    most_streams: int | None = None
    engine: bool = False  # a Redis is started for it, and measured beside it
    workers: int = 1  # processes that serve at one port; more than one need the engine
    servers: int = 1  # each of one process, at a port of its own

    @property
    def polls(self) -> bool:
        """Whether it asks the stand-in for rows."""
        return not self.push_path

    def arguments(self, places: Places, streams: int, words: dict[str, str], names: Sequence[str]) -> list[str]:
        """The command line of `streams` readers of these environments in turn, all but port, count and seconds."""
        given = ["--path", self.path, "--method", "POST" if self.bodies else "GET"]
        for body in self.bodies:
            for name in names:
                given += ["--body", fill(body, words).replace('"env":"staging"', f'"env":"{name}"')]
        if self.bodies:
            given += ["--token", TOKEN]
        if self.many_tokens:
            given += ["--tokens", str(clients(streams))]
        if self.gzip:
            given += ["--gzip", str(self.gzip)]
        return [places.helper("sseload"), *given]


def clients(streams: int) -> int:
    """The number of clients for a number of streams: five streams each, below every limit of a client."""
    return -(-streams // 5)


def environments(count: int) -> list[str]:
    """The names of a number of environments."""
    return ["staging", *(f"staging{number}" for number in range(1, count))]


def words(
    places: Places, *, port: int, upstream: int, interval: int, tmp: Path, redis: int, workers: int
) -> dict[str, str]:
    """What stands for the words in a peer's texts."""
    told = {"port": port, "upstream": upstream, "interval": interval, "tmp": tmp, "here": HERE, "peers": places.peers}
    told |= {"redis": redis, "workers": workers}
    system = {"nginx": program("nginx"), "node": program("node"), "nchan_module": nchan_module()}
    return {
        key: str(value)
        for key, value in (told | system | {"project": places.project, "python": sys.executable}).items()
    }


def fill(text: str, told: dict[str, str]) -> str:
    """`text` with its words replaced; other braces stay as they are, for bodies are full of them."""
    for word, value in told.items():
        text = text.replace("{" + word + "}", value)
    return text


def _poslogs(name: str, *, gzip: int = 0, bodies: tuple[str, ...] = (BODY,), **env: str) -> Peer:
    env = {"PYTHONPATH": "{project}", **env}
    return Peer(name, POSLOGS, _has_modules, "make run", env=env, bodies=bodies, many_tokens=True, gzip=gzip)


def _fleet(name: str, *, workers: int = 1, servers: int = 1) -> Peer:
    url = "redis://127.0.0.1:{redis}/0"
    how = "apt-get install redis-server, then make run"
    env = {"PYTHONPATH": "{project}", "POSLOGS_REDIS_URL": url}
    made = Peer(name, POSLOGS, _has_engine, how, env=env, many_tokens=True, engine=True)
    return replace(made, workers=workers, servers=servers)


def _asking(**input_: object) -> str:
    """A body that asks for less; it gets every row all the same, so that losses are seen."""
    return BODY.replace('"env":"staging"', f'"env":"staging",{json.dumps(input_)[1:-1]}')


FILTERS = tuple(_asking(filter=["info", "error", "debug", "warn", f"kind{n}"]) for n in range(ASKED))
QUERIES = tuple(
    _asking(query=f"/n=[0-9]+/ -/health.?check{n}/" if n < EXPRESSIONS else f'"n=" -healthcheck{n}')
    for n in range(ASKED)
)


def _nchan(name: str, path: str, push_every: float | None) -> Peer:
    return Peer(
        name,
        NGINX,
        _has_nchan,
        "apt-get install nginx libnginx-mod-nchan",
        files={"peers/nchan.conf": "nginx.conf"},
        path=path,
        bodies=(),
        push_path="/pub",
        push_every=push_every,
    )


PEERS = {
    peer.name: peer
    for peer in (
        _poslogs("poslogs"),
        _poslogs("poslogs-gzip", gzip=3),
        _poslogs("poslogs-plain", POSLOGS_DIRECT="off"),
        _poslogs("poslogs-filters", bodies=FILTERS),
        _poslogs("poslogs-queries", bodies=QUERIES),
        replace(_poslogs("poslogs-two"), servers=2),
        _fleet("poslogs-engine"),
        _fleet("poslogs-fleet2", workers=2),
        _fleet("poslogs-fleet4", workers=4),
        _fleet("poslogs-two-engine", servers=2),
        _nchan("nchan", "/sub", 5),
        _nchan("nchan-batch", "/raw", None),
        Peer(
            "better-sse",
            "{node} {here}/peers/better_sse_app.mjs",
            _has_better_sse,
            "apt-get install nodejs npm, then make bench-peers",
            env={"PORT": "{port}", "NPM_DIR": "{peers}/npm"},
        ),
        Peer(
            "sse-starlette",
            "{peers}/venv/bin/uvicorn starlette_app:app --app-dir {here}/peers --host 127.0.0.1 --port {port} "
            "--backlog 4096 --log-level warning --no-access-log",
            _has_starlette,
            "make bench-peers",
            most_streams=FEW,
        ),
        Peer(
            "naive-flask",
            f"{GUNICORN} naive_wsgi:app -k gevent {MANY}",
            _has_modules,
            "pip install -r requirements.txt",
            env={"PYTHONPATH": "{here}/peers"},
            most_streams=FEW,
        ),
    )
}
