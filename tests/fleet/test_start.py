"""How a fleet starts: several workers with an engine, none without; one whose Redis is away starts all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.fleet.fleet import Fleet
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import REJOIN_SECONDS, eventually
from tests.support.platformos import PlatformOS
from tests.support.server import REPO, Server, free_port
from tests.wire.exchange import STREAM

Start = Callable[..., Server]
PASSWORD = "sesame-9-street"
OWN = "a-token-of-some-length"


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer("--requirepass", PASSWORD) as server:
        yield server


@pytest.fixture
def url(redis: RedisServer) -> str:
    """The address with its password."""
    return redis.url.replace("//", f"//:{PASSWORD}@")


def health(server: Server) -> dict[str, object]:
    found = server.get("/health").json()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_four_workers_start_with_an_engine_and_count_together(
    server: Start, platformos: PlatformOS, redis: RedisServer, url: str, kind: str
) -> None:
    """They print once what is served, and no password; streams are counted over all of them."""
    clients = {"default": {"token": OWN, "limits": {"requests": "10000 per minute", "streams": 5}}}
    running = server(kind, args=["-w", "4"], env={"POSLOGS_REDIS_URL": url}, clients=clients, own=True)

    def ask() -> dict[str, object]:
        return running.get("/health", OWN).json()  # type: ignore[no-any-return]

    eventually(lambda: ask()["processes"] == 4, REJOIN_SECONDS * 3)
    eventually(lambda: ask()["engine"]["state"] == ask()["status"] == "ok", REJOIN_SECONDS)  # type: ignore[index]

    def eight() -> tuple[list[int], int]:
        """The statuses of eight streams that are open at once, and how many Redis counts."""
        eventually(lambda: redis.do("ZCARD", "poslogs:1:streams:default") == 0, REJOIN_SECONDS)
        with ExitStack() as stack:
            readers = [stack.enter_context(running.stream(STREAM, {"env": "staging"}, token=OWN)) for _ in range(8)]
            return sorted(reader.status for reader in readers), redis.do("ZCARD", "poslogs:1:streams:default")

    assert Fleet([running], platformos).undisturbed(eight, OWN) == ([200] * 5 + [429] * 3, 5)
    running.wait_output(f"Redis at redis://127.0.0.1:{redis.port}/0")
    assert running.output.count("curl -N -X POST") == 1
    assert PASSWORD not in running.output + running.get("/metrics", OWN).text + str(ask())


def test_a_running_fleet_takes_another_worker(server: Start, platformos: PlatformOS, url: str) -> None:
    """SIGTTIN, which asks gunicorn for one more, is heeded where workers share an engine."""
    running = server("gevent", env={"POSLOGS_REDIS_URL": url}, own=True)
    running.signal(signal.SIGTTIN)
    eventually(lambda: len(running.worker_pids()) == 2, REJOIN_SECONDS * 3)
    eventually(lambda: health(running)["processes"] == 2, REJOIN_SECONDS * 3)


def test_a_server_starts_without_its_redis_and_joins_later(
    server: Start, platformos: PlatformOS, redis: RedisServer, url: str
) -> None:
    redis.kill()
    running = server("gevent", env={"POSLOGS_REDIS_URL": url}, own=True)
    told = health(running)
    assert told["status"] == "degraded"
    assert told["engine"]["state"] == "degraded"  # type: ignore[index]
    assert "refused" in told["engine"]["why"]  # type: ignore[index]
    assert "poslogs_engine_ok 0.0" in running.get("/metrics").text
    assert running.get("/readyz").status_code == 200
    redis.start()
    eventually(lambda: health(running)["engine"]["state"] == "ok", REJOIN_SECONDS)  # type: ignore[index]
    assert "poslogs_engine_ok 1.0" in running.get("/metrics").text
    assert PASSWORD not in running.output


def check(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`poslogs check` in a folder of its own."""
    command = [sys.executable, "-m", "poslogs", "check", "--no-port-check", *args]
    given = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO), "PORT": str(free_port()), **env}
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=60, check=False)


def test_a_check_tells_how_redis_is(tmp_path: Path, redis: RedisServer, url: str) -> None:
    """An engine that is away is no reason not to start; an address that cannot be understood is."""
    for _ in range(3):  # a Redis that stands still is away, and rightly told so
        found = check(tmp_path, POSLOGS_REDIS_URL=url)
        assert found.returncode == 0, found.stderr
        if "Redis does not answer in time." not in found.stdout:
            break
    assert f"share Redis at redis://127.0.0.1:{redis.port}/0. Redis answers, and takes writes." in found.stdout
    redis.kill()
    found = check(tmp_path, "--workers", "4", POSLOGS_REDIS_URL=url)
    assert found.returncode == 0, found.stderr
    assert "cannot be reached" in found.stdout
    wrong = check(tmp_path, POSLOGS_REDIS_URL=f"redis://:{PASSWORD}@/0")
    assert wrong.returncode == 1
    assert "POSLOGS_REDIS_URL cannot be understood" in wrong.stderr
    assert check(tmp_path, POSLOGS_REDIS_URL="localhost:6379").returncode == 1
    assert PASSWORD not in found.stdout + found.stderr + wrong.stdout + wrong.stderr


def test_several_workers_without_an_engine_are_told_of_it(tmp_path: Path) -> None:
    found = check(tmp_path, "--workers", "4")
    assert found.returncode == 1
    assert "start redis-server and set POSLOGS_REDIS_URL=redis://127.0.0.1:6379" in found.stderr


def test_without_the_variable_redis_is_not_even_imported(tmp_path: Path) -> None:
    code = "import sys; from poslogs.app import create_app; create_app(); sys.exit('redis' in sys.modules)"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, timeout=60, check=False)
    assert done.returncode == 0


def test_where_redis_is_not_installed_the_start_says_so(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "__init__.py").write_text("raise ModuleNotFoundError(name='redis')\n")
    env = {"PYTHONPATH": f"{tmp_path}:{REPO}", "POSLOGS_REDIS_URL": "redis://127.0.0.1:1"}
    found = check(tmp_path, **env)
    assert found.returncode == 1
    assert "POSLOGS_REDIS_URL needs the package redis, which is not installed" in found.stderr
