"""Where Redis may be: behind sentinels, which say which one takes writes now, and behind TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from poslogs.fleet.address import Address
from poslogs.fleet.engine import Engine
from poslogs.supervisor import Supervisor
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import REJOIN_SECONDS, eventually, supervised
from tests.support.need import need
from tests.support.server import free_port

FAILOVER_SECONDS = 30.0  # for the sentinel itself to see that a master is away, and to promote another


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with supervised() as supervisor:
        yield supervisor


@pytest.fixture
def sentinel() -> Iterator[Callable[[RedisServer], RedisServer]]:
    """Starts a sentinel that watches over a master, by the name of main."""
    with ExitStack() as stack:

        def start(master: RedisServer) -> RedisServer:
            watches = (
                f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
                "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
            )
            return stack.enter_context(RedisServer(sentinel=watches))

        yield start


def test_the_sentinels_say_which_redis_takes_writes_now(
    sentinel: Callable[[RedisServer], RedisServer], supervisor: Supervisor
) -> None:
    """The master dies, a replica is promoted, and the engine joins that one by itself."""
    with RedisServer() as master, RedisServer("--replicaof", "127.0.0.1", str(master.port)) as replica:
        watch = sentinel(master)
        nobody = free_port()
        engine = Engine(Address(f"redis+sentinel://127.0.0.1:{nobody},127.0.0.1:{watch.port}/main"), "test", supervisor)
        engine.begin()
        eventually(lambda: engine.state.ok, REJOIN_SECONDS)
        assert engine.ask("SET", engine.key("a"), 1) == b"OK"
        assert master.do("GET", "test:1:a") == b"1"
        eventually(lambda: watch.do("SENTINEL", "REPLICAS", "main") != [], FAILOVER_SECONDS)
        master.kill()
        eventually(lambda: not engine.state.ok, REJOIN_SECONDS)
        eventually(lambda: replica.do("ROLE")[0] == b"master", FAILOVER_SECONDS)
        eventually(lambda: engine.state.ok, REJOIN_SECONDS)
        assert engine.ask("SET", engine.key("b"), 2) == b"OK"
        assert replica.do("GET", "test:1:b") == b"2"


def test_sentinels_that_know_no_master_are_an_engine_that_is_away(supervisor: Supervisor) -> None:
    engine = Engine(Address(f"redis+sentinel://127.0.0.1:{free_port()}/main"), "test", supervisor)
    state = engine.reach()
    assert not state.ok
    eventually(lambda: "sentinels" in engine.state.why, REJOIN_SECONDS)


def test_tls_is_spoken_where_the_address_says_so(tmp_path: Path, supervisor: Supervisor) -> None:
    """The certificate is checked against the one that the address names; with another the engine is away."""
    openssl = need("openssl")
    for name in ("mine", "other"):
        subprocess.run(
            [
                *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.crt")),
            ],
            check=True,
            capture_output=True,
        )
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file", str(tmp_path / "mine.crt")]
    with RedisServer(*tls, "--tls-key-file", str(tmp_path / "mine.key")) as redis:
        engine = Engine(
            Address(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'mine.crt'}"), "test", supervisor
        )
        engine.begin()
        eventually(lambda: engine.state.ok, REJOIN_SECONDS)
        assert engine.ask("SET", engine.key("a"), b"x" * 1_000_000) == b"OK"
        assert redis.do("STRLEN", "test:1:a") == 1_000_000
        assert engine.address.shown == f"rediss://127.0.0.1:{port}/0"
        with supervised() as another:
            stranger = Address(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'other.crt'}")
            assert not Engine(stranger, "test", another).reach().ok
