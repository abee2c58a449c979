"""HOST=localhost listens where clients look for localhost: on 127.0.0.1 and on ::1, or on the one that there is."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.need import missing, need
from tests.support.program import Program
from tests.support.server import REPO, free_port
from tests.wire.exchange import READER, asking, clients

START_S = 30.0
V4, V6 = "http://127.0.0.1:{}", "http://[::1]:{}"
FAMILIES = {V4: socket.AF_INET, V6: socket.AF_INET6}


@contextmanager
def started(folder: Path, kind: str = "gevent", host: str = "localhost", **env: str) -> Iterator[tuple[Program, int]]:
    """gunicorn with our configuration and no address of its own, and its port, once it has printed its address."""
    (folder / "clients.json").write_text(json.dumps(clients()))
    port = free_port()
    given = {"PYTHONPATH": str(REPO), "HOST": host, "PORT": str(port), **env}
    argv = [sys.executable, "-m", "gunicorn", "-c", str(REPO / "gunicorn.conf.py"), "-k", kind, "wsgi:app"]
    with Program(argv, folder, given) as program:
        program.out.wait('"env":"staging"}}\'', START_S)
        yield program, port
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(START_S) == 0, program.out.text


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
def test_localhost_is_both_families(tmp_path: Path, kind: str, host: str) -> None:
    """A client that knows only one of them is served, and the start-up lines name both."""
    need_ipv6()
    with started(tmp_path, kind, host) as (program, port):
        assert f"at {V4.format(port)} and {V6.format(port)}\n" in program.out.text
        assert streams(V4.format(port))
        assert streams(V6.format(port))
        assert streams(f"http://localhost:{port}")


@pytest.mark.parametrize(("there", "gone"), [(V4, V6), (V6, V4)])
def test_localhost_is_the_one_family_that_there_is(tmp_path: Path, there: str, gone: str) -> None:
    """It starts even in a container without IPv6, or on a machine without IPv4."""
    need_ipv6()
    library = tmp_path / "one_family.so"
    source = Path(__file__).with_name("one_family.c")
    subprocess.run([need("cc"), "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    env = {"LD_PRELOAD": str(library), "MISSING_FAMILY": str(int(FAMILIES[gone]))}
    with started(tmp_path, **env) as (program, port):
        assert f"at {there.format(port)}\n" in program.out.text
        assert streams(there.format(port))
        assert not streams(gone.format(port))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
def test_an_address_is_that_address_alone(tmp_path: Path, host: str) -> None:
    """The server listens only at an address given by number."""
    need_ipv6()
    with started(tmp_path, host=host) as (_, port):
        assert [streams(url.format(port)) for url in (V4, V6)] == [host == "127.0.0.1", host != "127.0.0.1"]


def need_ipv6() -> None:
    """Skip the test where ::1 is missing."""
    try:
        with closing(socket.socket(socket.AF_INET6)) as sock:
            sock.bind(("::1", 0))
    except OSError:
        missing("there is no IPv6 loopback here")
