"""What a template loads once for all of its servers: what gunicorn's master loads, and what a worker and a check load.

gevent patches the standard library in a worker, before the app is loaded there, and never in the master. So under
gevent the app is loaded here as it is under these patches; then they are taken back, and its modules are set aside.
They are in place again in each process that has patched, which then has what it would have loaded itself.
"""

from __future__ import annotations

import _thread
import _threading_local
import functools
import os
import selectors
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, metadata
from types import ModuleType
from typing import Any, NoReturn

MASTERS = (
    *("gunicorn.app.wsgiapp", "poslogs.servers.gunicorn", "poslogs.servers.gunicorn_log", "poslogs.servers.master"),
    "asyncio",  # of gunicorn's control socket, which a foreign configuration has; no stream and no request uses it
)
WORKERS = "poslogs.app", "poslogs.banner"
CHECKS = "poslogs.cli"
FLEETS = tuple(f"poslogs.fleet.{name}" for name in ("engine", "members", "places", "pokes", "polls", "rates"))
SHARING = " sharing"  # ends the kind of servers that share a Redis, in which workers load FLEETS too
BARE = "bare"  # a kind of servers that know nothing of poslogs: they find the app loaded, and no other part of a server
STANDARD = sys.stdlib_module_names


class Loaded:
    """The modules that servers of a kind need; `kind` as for Server."""

    def __init__(self, kind: str) -> None:
        self._aside: dict[str, ModuleType] = {}
        self._packages: list[tuple[ModuleType, str, ModuleType]] = []  # what stays, what it loses
        kind, *sharing = kind.split(SHARING)
        self._more = FLEETS if sharing else ()
        if kind == BARE:
            for name in (WORKERS[0], *self._more):
                import_module(name)
            return
        for name in MASTERS:
            import_module(name)
        if kind != "gevent":
            self._load()
            return
        take_back = _look_patched()
        before = dict(sys.modules)
        self._load()
        take_back()
        self._set_aside(before)
        self._put_back_once_patched()

    def put_back(self) -> None:
        """Have what was set aside in place, in place of the standard library's modules that were loaded meanwhile too.

        AssertionError if others were: they would be there twice, each with a state of its own.
        """
        twice = {name for name in set(self._aside) & set(sys.modules) if name.partition(".")[0] not in STANDARD}
        assert not twice, f"the master has loaded {sorted(twice)}, which belong among MASTERS of {__file__}"
        sys.modules.update(self._aside)
        for package, name, module in self._packages:
            setattr(package, name, module)

    def check(self, command: Sequence[str], env: Mapping[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        """Run `python -m poslogs check` with these variables, as `subprocess.run`, in a fork that has it loaded."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(write, 2)
            _end_as(lambda: self._checked(command, env))
        os.close(write)
        with os.fdopen(read) as told:
            text = told.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return subprocess.CompletedProcess(command, status, stderr=text)

    def _checked(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        os.environ.clear()
        os.environ.update(env)
        self.put_back()
        import_module(CHECKS).main(list(command[command.index("poslogs") + 1 :]))

    def _load(self) -> None:
        for name in (*WORKERS, CHECKS, *self._more):
            import_module(name)

    def _set_aside(self, before: Mapping[str, ModuleType]) -> None:
        for name in set(sys.modules) - set(before):
            module = self._aside[name] = sys.modules.pop(name)
            package, _, own = name.rpartition(".")
            if vars(before.get(package, object)).get(own) is module:
                delattr(before[package], own)
                self._packages.append((before[package], own, module))

    def _put_back_once_patched(self) -> None:
        from gevent import events

        def told(event: object) -> None:
            if isinstance(event, events.GeventDidPatchAllEvent):
                self.put_back()

        events.subscribers.append(told)


def _look_patched() -> Callable[[], None]:
    """Have the standard library hold what it holds under gevent's patches. Returns what takes that back.

    That is all that a module can see as it is loaded. What else a patch does, to the main thread and at forks, cannot
    be taken back, and a worker does it itself.
    """
    from gevent import event, get_hub, local, monkey
    from gevent import thread as gevent_thread
    from gevent import threading as gevent_threading

    # gevent looks for plugins at each of its dozen patches, and each time all that is installed is read.
    metadata.entry_points = functools.cache(metadata.entry_points)
    classes = [selectors.SelectSelector, selectors.PollSelector]  # parts of theirs are replaced
    parts = [dict(vars(each)) for each in classes]
    monkey.patch_os()
    for target, source in ((_thread, gevent_thread), (threading, gevent_threading)):
        for name in source.__implements__:
            monkey.patch_item(target, name, getattr(source, name))
    monkey.patch_item(threading, "Event", event.Event)
    monkey.patch_item(_threading_local, "local", local.local)
    monkey.patch_time()
    monkey.patch_socket()
    monkey.patch_select()
    monkey.patch_selectors()
    monkey.patch_ssl()
    monkey.patch_subprocess()
    monkey.patch_signal()
    monkey.patch_queue()

    def taken_back() -> None:
        for name, items in monkey.saved.items():
            for item, original in items.items():
                setattr(sys.modules[name], item, original)
        monkey.saved.clear()
        for cls, before in zip(classes, parts, strict=True):
            for name, part in before.items():
                if vars(cls).get(name) is not part:
                    setattr(cls, name, part)
        get_hub().destroy(destroy_loop=True)  # of a socket that somebody tried; each worker has its own

    return taken_back


def _end_as(run: Callable[[], object]) -> NoReturn:
    """End this process, which was forked, as one that runs this would end."""
    status = 1
    try:
        run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
