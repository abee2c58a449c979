"""One run: a fresh stand-in and a fresh server in a folder of their own, a warm-up, then what the case asks for."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.errors import RunFailed
from bench.machine import sample, slab
from bench.measures import MEASURES, Figures
from bench.peers import TOKEN, Peer, clients, environments, fill, words
from bench.places import HERE, Places
from bench.redis import Redis
from bench.scenarios import Case
from bench.scene import Scene
from bench.server import Server, free_port
from bench.standin import StandIn

START_SETTLE_SECONDS = 1.0  # what a server does after it listens is not counted
WARM_SECONDS = 15  # at most, for its one stream to begin; a busy machine takes longer than an idle one
WARM_HOLD_SECONDS = 0.3
WARM_SETTLE_SECONDS = 0.5


def run(peer: Peer, case: Case, places: Places) -> Figures:
    """The figures of one run; all that it has started and written is gone after it.

    One stream is opened and closed first at each server, so that lazy imports do not count. Raises RunFailed when there
    are none.
    """
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="bench-", dir=places.runs, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        standin = stack.enter_context(StandIn(places))
        redis = stack.enter_context(Redis(_made(folder / "redis"))) if peer.engine else None
        told: dict[str, str] = {}
        servers = []
        for number in range(peer.servers):
            port, home = free_port(), _made(folder / str(number))
            told = words(
                places,
                port=port,
                upstream=standin.port,
                interval=case.interval,
                tmp=home,
                redis=redis.port if redis else 0,
                workers=peer.workers,
            )
            furnish(home, peer, case, told)
            command = [fill(part, told) for part in peer.command.split()]
            env = {name: fill(value, told) for name, value in peer.env.items()}
            servers.append(stack.enter_context(Server(command, port, home, env)))
        time.sleep(START_SETTLE_SECONDS)
        scene = Scene(case, peer, places, told, standin, tuple(servers), sample(servers[0].pid), slab(), redis)
        try:
            warm_up(scene)
            return MEASURES[case.kind](replace(scene, base=scene.sample(), base_slab=slab()))
        except RunFailed as failure:
            tails = "\n".join(server.tail() for server in servers)
            raise RunFailed(f"{failure}\n{tails}".rstrip()) from failure


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def furnish(folder: Path, peer: Peer, case: Case, told: dict[str, str]) -> None:
    """Write what the server finds where it is started: `.pos`, `clients.json`, its own files."""
    environment = {"url": f"http://127.0.0.1:{told['upstream']}", "email": "e@example.com", "token": "t"}
    names = environments(case.environments)
    (folder / ".pos").write_text(json.dumps(dict.fromkeys(names, environment)))
    known = {"default": {"token": TOKEN, "name": "Default Client"}}
    for number in range(clients(case.streams * peer.servers)):
        known[f"c{number}"] = {"token": f"{TOKEN}-{number}", "name": f"Client {number}"}
    (folder / "clients.json").write_text(json.dumps(known))
    for source, name in peer.files.items():
        (folder / name).write_text(fill((HERE / source).read_text(), told))


def warm_up(scene: Scene) -> None:
    """Open one stream at each server, and close it."""
    for server in scene.servers:
        with scene.readers(1, WARM_SECONDS, server=server) as readers:
            readers.ready(WARM_SECONDS)
            time.sleep(WARM_HOLD_SECONDS)
    time.sleep(WARM_SETTLE_SECONDS)
