"""Claude Desktop's configuration in docs/mcp.md: its bridge is started as that says, and asked as a host asks."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.mcp import install
from tests.mcp.conftest import Node, Tell
from tests.support.marked import marked_blocks
from tests.support.need import repo
from tests.support.output import Output
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server

URL = "http://127.0.0.1:3030/mcp"
PROGRAM = "mcp-remote/dist/proxy.js"

StartServer = Callable[..., Server]


def test_the_bridge_of_the_document_passes_calls_and_progress(
    server: StartServer, platformos: PlatformOS, node: Node, tmp_path: Path, tell: Tell
) -> None:
    """The token reaches the server; progress comes through while the call runs."""
    entry = _configuration()
    yes, package, *arguments = entry["args"]
    pinned = json.loads((install.HERE / "package.json").read_text())["dependencies"]
    assert (entry["command"], yes, package) == ("npx", "-y", f"mcp-remote@{pinned['mcp-remote']}")
    running = server()
    own = {name: value.replace("your-client-secret-here", TOKEN) for name, value in entry["env"].items()}
    assert TOKEN in own["AUTH_HEADER"]
    arguments = [argument.replace(URL, f"{running.url}/mcp") for argument in arguments]
    assert f"{running.url}/mcp" in arguments
    with _Bridge([*node.command(PROGRAM), *arguments], node.environ(tmp_path, **own), tmp_path) as bridge:
        bridge.ask(
            1,
            "initialize",
            {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}},
        )
        assert bridge.answer(1)["serverInfo"]["name"] == "poslogs"
        bridge.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        bridge.ask(2, "tools/list", {})
        assert len(bridge.answer(2)["tools"]) == 4
        given = {"env": "staging", "lastId": "0", "maxDuration": 50_000, "limit": 2}
        live = {"name": "platformos_logs_live", "arguments": given, "_meta": {"progressToken": "p3"}}
        begun = time.monotonic()
        bridge.ask(3, "tools/call", live)
        platformos.wait_until(lambda: running.streams_open(TOKEN) == 1)
        platformos.add({"error_type": "error", "message": "seen through the bridge"})
        bridge.progress("seen through the bridge")
        arrived = time.monotonic() - begun
        platformos.add({"message": "the last, which ends the call"})  # so the progress came before its end
        entries = bridge.answer(3)["structuredContent"]["entries"]
    assert [each["message"] for each in entries] == ["seen through the bridge", "the last, which ends the call"]
    tell(f"mcp-remote {pinned['mcp-remote']}: progress {arrived:.2f} s into the call, result {bridge.at:.2f} s")


def _configuration() -> dict[str, Any]:
    (block,) = [block for block in marked_blocks(repo() / "docs" / "mcp.md") if block.name == "claude-desktop"]
    entry = json.loads(block.code)["mcpServers"]["poslogs"]
    assert isinstance(entry, dict)
    return entry


class _Bridge:
    """The bridge's process and the JSON lines that it writes. A context manager."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path) -> None:
        self.at = 0.0
        self._begun = 0.0
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "stderr").open("wb"),
        )
        self._out = Output()
        self._out.follow(self._process)
        self._written = threading.Lock()

    def __enter__(self) -> _Bridge:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait(10)
        self._out.wait_closed()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, number: int, method: str, params: dict[str, Any]) -> None:
        """Write one request."""
        self._begun = time.monotonic()
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    def has_answer(self, number: int) -> bool:
        """Whether the request of that number is answered."""
        return any(message.get("id") == number for message in self._messages())

    def answer(self, number: int) -> Any:
        """The result of the request of that number."""
        self._out.wait_until(lambda _: self.has_answer(number), 30)
        self.at = time.monotonic() - self._begun
        return next(message for message in self._messages() if message.get("id") == number)["result"]

    def progress(self, part: str) -> None:
        """Wait for a progress message that holds `part`."""
        self._out.wait_until(lambda _: any(part in text for text in self._progress()), 15)

    def _progress(self) -> list[str]:
        messages = [each for each in self._messages() if each.get("method") == "notifications/progress"]
        return [each["params"]["message"] for each in messages]

    def _messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.text.split("\n")[:-1]]
