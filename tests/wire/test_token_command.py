"""`python -m poslogs token`, beside a server that runs: it takes each change without a restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import REPO, Server
from tests.wire.exchange import clients, get, unharmed, wait_for

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"


def token(server: Server, *arguments: str) -> str:
    """What the command prints when it is run with the server's variables."""
    command = [sys.executable, "-m", "poslogs", "token", *arguments]
    ended = subprocess.run(
        command, cwd=server.folder, env=server._environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_token_opens_as_soon_as_it_is_made_and_nothing_once_it_is_revoked(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """It opens its environment and no other. Its open stream ends with the reason when it is revoked."""
    platformos.add({})
    running = server(kind, clients=clients(), environments={"staging": platformos, "production": platformos}, own=True)
    made = token(running, "new", "bob", "--env", "staging")
    assert get(running, "/health", token=made).status == 200
    with running.stream(STREAM, {"env": "production"}, token=made) as refused:
        assert refused.status == 403
    with running.stream(STREAM, {"env": "staging", "interval": 250}, token=made) as reader:
        reader.wait_entries(1)
        token(running, "revoke", "bob")
        reader.wait_end()
        assert reader.done
        assert [error["message"] for error in reader.errors] == ["This token was revoked; use another."]
    assert get(running, "/health", token=made).status == 401
    assert made not in running.output
    unharmed(running)


def test_a_token_that_stays_is_made_beside_that_of_the_run(server: Start, platformos: PlatformOS) -> None:
    """Both work from then on, as the start-up lines say. After a restart only the one that stays does."""
    running = server(clients={"default": {"token": "your-token"}}, own=True)
    running.wait_output("in a browser.")
    run = running.output.partition("/#token=")[2].split()[0]
    made = token(running, "new", "bob")
    assert [running.get("/health", each).status_code for each in (made, run)] == [200, 200]
    running.stop()
    running.start()
    wait_for(lambda: running.output.count("Paste this into another shell") == 2)
    assert [running.get("/health", each).status_code for each in (made, run)] == [200, 401]
    assert REPO.joinpath("clients.json").read_text().count("token_sha256") == 0
