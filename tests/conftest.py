"""The real parts that most tests share: a stand-in of platformOS, and servers in processes of their own."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.lent import Lender
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.template import Template

# Where it is set, each server that a test starts compiles all of poslogs, and each process of the tests all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it for what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else the servers of the tests would ignore it too

GUNICORN_KINDS = ("gevent", "gthread")
KIND = os.environ.get("TEST_KIND", "gevent")  # of servers whose kind a test does not name
DIRECT = os.environ.get("TEST_DIRECT")  # their POSLOGS_DIRECT, where a test does not name that
TOGETHER = {  # folder or file: why its tests run in one process, one after the other
    "tests/bench/": "the helpers, which are compiled once",
    "tests/clients/": "the servers that all clients share",
    "tests/docs/test_recipes.py": "the server that all recipes share",
    "tests/faults/test_27_clocks.py": "the servers whose clock jumps",
    "tests/guide/": "port 3030",
    "tests/package/": "the wheel, which is built and installed once",
    "tests/unit/test_shape.py": "the modules, which are read once",
}
LONG = (  # some of their tests take a minute, the first two
    *(f"tests/fleet/test_{each}" for each in ("upgrade", "07_rolling_restart", "02_limits", "05_frozen")),
    "tests/hosts/test_deploy.py",
    *(f"tests/faults/test_{each}" for each in ("34_starving", "32_identity", "38_memory", "35_hostile_environments")),
    "tests/wire/test_direct.py",
)
QUICK = ("tests/unit/", "tests/query/")
KINDS = (*GUNICORN_KINDS, "waitress", "flask")
ONE_KIND = ("tests/wire/", "tests/faults/")  # a test for several kinds runs with KIND; with others it is marked slow
EACH_KIND = ("tests/wire/test_streams.py", "tests/wire/test_servers.py")  # but not what a stream is under each
BY_PARAMETER = "tests/hosts/test_hosts.py"  # tests of one parameter run in one process: it is a host that starts once
IN_FIREFOX = "[firefox"  # tests with this parameter run in one process: a Firefox takes seconds to start


def pytest_collection() -> None:
    """Let the garbage collector rest while tests are collected: all that is made meanwhile stays until the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Have the collector go through what tests make, not through the thousands of tests each time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)  # before those that are not asked for are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what repeats a test with another kind of server. Have the longest tests come first, the quickest last.

    So no process of the tests waits long for another's last test. pytest-xdist gives out groups first, the largest
    before the others, and then tests in this order.
    """
    there = {item.nodeid for item in items}
    for item in items:  # what is long is for no verb but its own, with any kind of server
        if item.get_closest_marker("long") is None and repeats(item.nodeid, there):
            item.add_marker("slow")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """When a test is begun, beside others: the lowest first."""
    long = [turn for turn, path in enumerate(LONG, -len(LONG)) if item.nodeid.startswith(path)]
    if item.get_closest_marker("long") is not None:
        return -len(LONG) - 1
    return long[0] if long else int(item.nodeid.startswith(QUICK))


def repeats(nodeid: str, there: Container[str]) -> bool:
    """Whether a test is that of KIND, which is there, with another kind of server, and is put off for that."""
    name, _, parameters = nodeid.partition("[")
    parts = parameters.removesuffix("]").split("-")
    kind = next((part for part in parts if part in KINDS), KIND)
    if kind == KIND or not name.startswith(ONE_KIND) or name.startswith(EACH_KIND):
        return False
    return f"{name}[{'-'.join(KIND if part == kind else part for part in parts)}]" in there


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep what is named above together under `--dist loadgroup`.

    The mark xdist_group should do it, but has no effect with pytest 9.2 and xdist 3.8 (pytest-xdist's issue 1386).
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

    class ByFolder(LoadGroupScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(BY_PARAMETER):
                return nodeid.partition("[")[2].partition("-")[0].rstrip("]")
            if IN_FIREFOX in nodeid:
                return "firefox"
            groups = [group for path, group in TOGETHER.items() if nodeid.startswith(path)]
            return groups[0] if groups else super()._split_scope(nodeid)

    return ByFolder(config, log)


@pytest.fixture
def platformos() -> Iterator[PlatformOS]:
    """A fresh stand-in without any rows."""
    with PlatformOS() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Template]]:
    """`templates(kind, env=None)`: the template of such servers, which all processes of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of this run of the tests
    running: dict[str, Template] = {}
    with ExitStack() as stack:

        def template(kind: str, env: Mapping[str, str] | None = None) -> Template:
            loaded = Template.loaded_by(kind, env)
            if loaded not in running:
                running[loaded] = stack.enter_context(Template(loaded, folder))
            return running[loaded]

        yield template


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory, templates: Callable[..., Template]) -> Callable[..., Server]:
    """Starts a server, forked from a template where that will do. The caller ends it."""

    def start(kind: str, folder: Path | None = None, forked: bool = True, **kw: Any) -> Server:
        template = templates(kind, kw.get("env")) if forked and Template.suits(kind, **kw) else None
        return Server(folder or tmp_path_factory.mktemp("server"), kind, template=template, **kw)

    return start


@pytest.fixture(scope="session")
def lender(started: Callable[..., Server]) -> Iterator[Lender]:
    """The servers that tests of this process share, one after the other."""
    with Lender(started) as lender:
        yield lender


@pytest.fixture
def server(
    request: pytest.FixtureRequest, started: Callable[..., Server], lender: Lender
) -> Iterator[Callable[..., Server]]:
    """Gives servers, `server(kind=KIND, **kw)` with `kw` as for Server, and takes them back when the test ends.

    In a test that also uses `platformos`, this is the environment `staging` unless `environments` is given.
    A server that differs from others by its variables and files alone may have served another test before, and is
    like new, but for its age, its memory, what it has counted, and what it tells once a while. `own` has one started,
    from a template (tests/support/template.py) if that suits it; with `forked=False` it is started as people start it.
    """
    failed = request.session.testsfailed
    with ExitStack() as stack:

        def start(kind: str = KIND, folder: Path | None = None, own: bool = False, **kw: Any) -> Server:
            if DIRECT is not None:
                kw["env"] = {"POSLOGS_DIRECT": DIRECT, **kw.get("env", {})}
            if "environments" not in kw and "platformos" in request.fixturenames:
                kw["environments"] = {"staging": request.getfixturevalue("platformos")}
            if not own and folder is None and lender.can_lend(kind, **kw):
                return stack.enter_context(lender.lend(kind, **kw))
            return stack.enter_context(started(kind, folder, **kw))

        yield start
    if request.session.testsfailed > failed:
        lender.end_all()  # a test that failed may have left anything behind
