"""The official SDKs where things go wrong: an unknown environment, a call given up, a limit reached."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.mcp import install
from tests.mcp.conftest import Tell, sdk
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.quickest import TRIES, WAIT_S, quickest
from tests.support.server import CLIENTS, Server
from tests.wire.exchange import wait_for

AGENTS = [f"agent-secret-{number}" for number in range(TRIES)]
LIMIT = 20  # calls in ten seconds, where clients.json says nothing
FREE_WITHIN_S = 1.0

StartServer = Callable[..., Server]


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize(
    ("client", "mode"),
    [
        ("python_2", "auto"),
        ("python_2", "legacy"),
        ("python_1", "legacy"),
        ("typescript_2", "auto"),
        ("typescript_2", "legacy"),
        ("typescript_1", "legacy"),
    ],
)
def test_a_client_goes_on_after_a_mistake_a_call_given_up_and_a_limit(
    client: str,
    mode: str,
    kind: str,
    server: StartServer,
    platformos: PlatformOS,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tell: Tell,
) -> None:
    """Each comes as a result that a model can read, and the connection stays usable.

    In the newest revision a call that is given up frees its place within a second; before, SDKs keep the connection.
    """
    running = server(kind, clients={**CLIENTS, **{agent: {"token": agent} for agent in AGENTS}})
    turns = iter(AGENTS)

    def free() -> float:
        """Seconds until the place of a call that was given up is free, in the newest revision; all else is asserted."""
        agent, seconds = next(turns), 0.0
        folder = tmp_path / agent
        folder.mkdir()
        env = {"URL": f"{running.url}/mcp", "TOKEN": agent, "MODE": mode}
        with _started(client, request, folder, env) as program:
            wrong = _step(program, "wrong")
            assert wrong["error"] is True
            assert wrong["text"] == 'Unknown environment "stagin". Call platformos_env_list; known: staging.'
            assert _step(program, "abort")["done"] is False
            program.wait_line('"step": "aborted"' if client.startswith("python") else '"step":"aborted"', 30)
            if mode == "auto":
                seconds = wait_for(lambda: running.streams_open() == 0, WAIT_S)
                tell(f"{client} {mode} {kind}: place free {seconds:.2f} s after a call was given up")
            assert _step(program, "aborted")["cancelled"] is True
            limit = _step(program, "limit")
            # Two were made before; on a slow machine these are forgotten.
            assert LIMIT - 1 <= limit["calls"] <= LIMIT + 1
            assert "20" in limit["text"]
            assert _step(program, "after")["tools"] == 4
            assert program.process.poll() is None, program.out.text
        return seconds

    assert quickest(free, FREE_WITHIN_S) < FREE_WITHIN_S


def _started(client: str, request: pytest.FixtureRequest, folder: Path, env: dict[str, str]) -> Program:
    language, major = client.split("_")
    source = install.HERE / "clients" / (f"{client}.py" if language == "python" else f"{client}.mjs")
    script = folder / source.name
    script.write_text(source.read_text())
    return sdk(request, language, int(major))(script, env)


def _step(program: Program, name: str) -> dict[str, Any]:
    """What the client reports of a step; waits for that."""

    def steps() -> list[dict[str, Any]]:
        told = [json.loads(line) for line in program.lines if line.startswith("{")]
        return [step for step in told if step["step"] == name]

    program.out.wait_until(lambda _: bool(steps()) or program.process.poll() is not None, 30)
    assert steps(), f"no step {name}:\n{program.out.text}"
    return steps()[0]
