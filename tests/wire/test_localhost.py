"""HOST=localhost listens where clients look for localhost: on 127.0.0.1 and on ::1, or on the one that there is."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.need import missing, need
from tests.support.server import REPO, Server, free_port
from tests.support.template import Template
from tests.wire.exchange import READER, asking, clients

pytestmark = pytest.mark.slow

Start = Callable[..., AbstractContextManager[Server]]
START_S = 30.0
V4, V6 = "http://127.0.0.1:{}", "http://[::1]:{}"
FAMILIES = {V4: socket.AF_INET, V6: socket.AF_INET6}


class Unbound(Server):
    """gunicorn with our configuration and no address of its own."""

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "-c", str(REPO / "gunicorn.conf.py"), "-k", self.kind, "wsgi:app"]


@pytest.fixture
def started(tmp_path: Path, templates: Callable[[str], Template]) -> Start:
    """`started(host="localhost", kind="gevent", **env)`: a server that has printed its address. It ends as it should.

    It is forked, but with variables of `env`, which may be read as a process starts.
    """

    @contextmanager
    def start(host: str = "localhost", kind: str = "gevent", **env: str) -> Iterator[Server]:
        port = free_port()
        given = {"HOST": host, "PORT": str(port), **env}
        template = None if env else templates(kind)
        with Unbound(tmp_path, kind, clients=clients(), env=given, port=port, template=template, start=False) as server:
            server.start(wait=False)
            server.wait_output('"env":"staging"}}\'', START_S)
            yield server
            server.signal(signal.SIGTERM)
            assert server.wait_exit(START_S) == 0, server.output

    return start


def streams(url: str) -> bool:
    """Whether a stream begins at this address."""
    headers = {"Authorization": f"Bearer {READER}", "Content-Type": "application/json"}
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.post(f"{url}/call-stream", asking(), headers=headers, stream=True, timeout=15) as answer:
                return answer.status_code == 200 and bool(next(answer.iter_content(1)))
        except requests.ConnectionError:
            return False


@pytest.mark.parametrize(("kind", "host"), [("gevent", "localhost"), ("gthread", "LOCALHOST")])
def test_localhost_is_both_families(started: Start, kind: str, host: str) -> None:
    """A client that knows only one of them is served, and the start-up lines name both."""
    need_ipv6()
    with started(host, kind) as server:
        port = server.port
        assert f"at {V4.format(port)} and {V6.format(port)}\n" in server.output
        assert streams(V4.format(port))
        assert streams(V6.format(port))
        assert streams(f"http://localhost:{port}")


@pytest.mark.parametrize(("there", "gone"), [(V4, V6), (V6, V4)])
def test_localhost_is_the_one_family_that_there_is(started: Start, tmp_path: Path, there: str, gone: str) -> None:
    """It starts even in a container without IPv6, or on a machine without IPv4."""
    need_ipv6()
    library = tmp_path / "one_family.so"
    source = Path(__file__).with_name("one_family.c")
    subprocess.run([need("cc"), "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    env = {"LD_PRELOAD": str(library), "MISSING_FAMILY": str(int(FAMILIES[gone]))}
    with started(**env) as server:
        assert f"at {there.format(server.port)}\n" in server.output
        assert streams(there.format(server.port))
        assert not streams(gone.format(server.port))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
def test_an_address_is_that_address_alone(started: Start, host: str) -> None:
    """The server listens only at an address given by number."""
    need_ipv6()
    with started(host) as server:
        assert [streams(url.format(server.port)) for url in (V4, V6)] == [host == "127.0.0.1", host != "127.0.0.1"]


def need_ipv6() -> None:
    """Skip the test where ::1 is missing."""
    try:
        with closing(socket.socket(socket.AF_INET6)) as sock:
            sock.bind(("::1", 0))
    except OSError:
        missing("there is no IPv6 loopback here")
