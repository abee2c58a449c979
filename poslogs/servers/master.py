"""gunicorn's master: it starts and reloads only what will work, and keeps to one worker.

The master imports this module, and a reload renews nothing that the master has imported. So this imports gunicorn and
the standard library only, and what depends on poslogs is checked by a process of its own, `poslogs check`.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from gunicorn.app.wsgiapp import WSGIApplication

from poslogs.servers import json_lines
from poslogs.servers.capacity import KEPT_THREADS, LEAST_THREADS
from poslogs.servers.listeners import is_loopback

ROOT: Final = Path(__file__).resolve().parents[2]  # from where `python -m poslogs` finds the package
PREFIX: Final = "poslogs cannot start: "
TAKEN_OVER: Final = ("GUNICORN_PID", "GUNICORN_FD", "LISTEN_FDS")  # set where listeners exist before the start
NOWHERE: Final = ("127.0.0.1", 0)  # in place of addresses that are checked later, or not at all

_checked: WeakSet[Any] = WeakSet()  # configurations that `check_start` has accepted
_kept: WeakSet[Any] = WeakSet()  # configurations under which a second worker is refused


def check_start(server: Any) -> None:
    """Refuse a start that cannot work, in one sentence, before anything listens: gunicorn's hook `on_starting`."""
    taken_over = any(name in os.environ for name in TAKEN_OVER)
    addresses = [NOWHERE] if taken_over else server.cfg.address  # those taken over are checked in `when_ready`
    _refuse(_against(server.cfg, addresses, ports=not server.cfg.reuse_port and not taken_over))
    _checked.add(server.cfg)


def check_config(cfg: Any) -> None:
    """Refuse the same where a configuration has no such hook: from a worker class, when listeners exist already.

    Also prepare what the master does later: a reload that checks first, and the refusal of a second worker.
    """
    if cfg not in _checked:
        _refuse(_against(cfg, [NOWHERE], ports=False))
    keep_to_one_worker(cfg)
    theirs = cfg.when_ready

    def when_ready(server: Any) -> None:
        _refuse_open_listeners(server)
        theirs(server)
        _reload_carefully(server)

    cfg.set("when_ready", when_ready)


def keep_to_one_worker(cfg: Any) -> None:
    """Have SIGTTIN add no worker, for the reason that a start with two is refused. May be called again.

    A reload makes a new configuration, so each worker calls this as it is made.
    """
    if cfg in _kept:
        return
    _kept.add(cfg)
    theirs = cfg.nworkers_changed

    def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
        theirs(server, new_value, old_value)
        if old_value is not None and new_value > 1 and not _shares(cfg):
            server.log.error(
                "poslogs stays at one worker: limits, slots and feeds are its own without POSLOGS_REDIS_URL."
            )
            server.num_workers = 1

    cfg.set("nworkers_changed", nworkers_changed)


def _shares(cfg: Any) -> bool:
    return bool({**os.environ, **cfg.env}.get("POSLOGS_REDIS_URL", "").strip())


def _refuse_open_listeners(server: Any) -> None:
    """Refuse listeners that other machines reach, where clients.json is not fit for that.

    The listeners themselves say where they listen: systemd or an older master may hand over others than configured.
    """
    addresses = [each for each in _listening(server) if isinstance(each, tuple) and not is_loopback(each[0])]
    if addresses:
        _refuse(_against(server.cfg, addresses, ports=False))


def _listening(server: Any) -> list[Any]:
    """The addresses at which a server listens; with reuse_port, where workers make the listeners, those configured."""
    return [listener.getsockname() for listener in server.LISTENERS] or list(server.cfg.address)


def _reload_carefully(server: Any) -> None:
    # gunicorn has no hook before a reload, and a reload that fails would leave no worker. The arbiter looks its signal
    # handlers up on itself at each signal, so a method that is put there is called.
    reload = server.handle_hup

    def handle_hup() -> None:
        if reason := _against_reload(server):
            server.log.error("Not reloaded, and all goes on as it was: %s", reason.removeprefix(PREFIX))
        else:
            reload()

    server.handle_hup = handle_hup


def _against_reload(server: Any) -> str:
    if type(server.app) is not WSGIApplication:  # of a program that embeds gunicorn, which reads no file
        return _against(server.cfg, _listening(server), ports=False)
    try:
        cfg = WSGIApplication(server.app.usage, prog=server.app.prog).cfg
        same = cfg.address == server.cfg.address  # then gunicorn keeps the listeners that it has
        return _against(cfg, _listening(server) if same else cfg.address, ports=False)
    except SystemExit:  # without this check the master would end here
        return "gunicorn's configuration cannot be used; what is wrong with it stands above."
    except (AttributeError, RuntimeError) as error:
        return f"gunicorn's configuration cannot be used: {str(error).partition(chr(10))[0]}"


def _against(cfg: Any, addresses: Iterable[Any], *, ports: bool) -> str:
    """What keeps a configuration from working at these addresses, as one sentence with PREFIX; "" when nothing does."""
    worker = cfg.worker_class
    can_preload = getattr(worker, "can_preload", None)
    if can_preload is None:
        name = f"{worker.__module__}.{worker.__name__}"
        return f"{PREFIX}{name} cuts streams off at a stop; use -k gevent or -k gthread."
    if cfg.preload_app and not can_preload:
        return f"{PREFIX}preload_app would load the app before gevent is ready for it; leave it off, or use -k gthread."
    threads = worker.threads_of(cfg)
    if threads is not None and threads < LEAST_THREADS:
        return (
            f"{PREFIX}{threads} threads hold no stream, as {KEPT_THREADS} are kept for requests; "
            f"start it with --threads {LEAST_THREADS} or more, such as 256."
        )
    command = [sys.executable, "-m", "poslogs", "check", "--workers", str(cfg.workers)]
    reached = [address for address in addresses if isinstance(address, tuple)]
    for address in reached or [NOWHERE]:  # a Unix socket is reached from this machine only
        command += ["--bind", f"{address[0]}:{address[1]}"]
    if not ports:
        command.append("--no-port-check")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, **cfg.env, "PYTHONPATH": os.pathsep.join(paths)}
    checked = subprocess.run(command, env=env, check=False, stderr=subprocess.PIPE, text=True)
    return checked.stderr.strip() or f"{PREFIX}`poslogs check` failed." if checked.returncode else ""


def _refuse(reason: str) -> None:
    if reason:
        sys.stderr.write(f"{json_lines.line(reason, logging.ERROR)}\n")
        sys.exit(1)
