"""A stranger's page whose name is given to this machine: it reads nothing with a token that everybody knows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.conftest import Start
from tests.support.listener import Listener
from tests.support.need import need, repo
from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, TOKEN, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAME = "attacker.example"
PAGE = "<!doctype html><title>theirs</title><p>hello"
# What such a page may try at its own origin, which is the server's after the flip.
READ = """
async ({ tokens, doors }) => {
  const found = [];
  for (const token of tokens) {
    for (const [path, body] of doors) {
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", Accept: "*/*" };
      const stop = new AbortController();
      const answer = await fetch(path, {
        method: body === null ? "GET" : "POST", headers, body, signal: stop.signal, cache: "no-store" });
      if (answer.headers.get("Content-Type").startsWith("text/event-stream")) {
        stop.abort();
        found.push([path, answer.status, "a stream"]);
      } else found.push([path, answer.status, await answer.text()]);
    }
  }
  return found;
}
"""
DOORS = [
    ["/call", '{"tool": "platformos.logs.fetch", "input": {"env": "staging"}}'],
    ["/call-stream", '{"tool": "platformos.logs.stream", "input": {"env": "staging"}}'],
    ["/mcp", '{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}'],
    ["/health", None],
    ["/tools", None],
    ["/metrics", None],
]
GUESSES = ["your-client-secret-here", "your-token", "client-secret", "paste-a-token-here"]


class Rebound:
    """The stranger's name: it leads to their page, and after `flip` to a server. A context manager."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._flipped = threading.Event()
        self._listener = Listener(self._serve)
        self.url = f"http://{NAME}:{self._listener.port}/"

    def __enter__(self) -> Rebound:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()

    def flip(self) -> None:
        """Have the name lead to the server from the next connection on."""
        self._flipped.set()

    def _serve(self, conn: socket.socket) -> None:
        if not self._flipped.is_set():
            conn.recv(65536)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\nConnection: close"
            conn.sendall(f"{head}\r\n\r\n{PAGE}".encode())
            return
        with socket.create_connection(("127.0.0.1", self._server.port)) as onward:
            back = threading.Thread(target=_pass_on, args=(onward, conn), daemon=True)
            back.start()
            _pass_on(conn, onward)
            back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def theirs(browser: Browser) -> Iterator[Callable[[Server], Callable[[list[str]], list[list[Any]]]]]:
    """`theirs(server)(tokens)` returns what a page of the stranger's origin reads with these tokens, by door."""
    rules = [f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--no-sandbox"]
    chromium = browser.browser_type.launch(executable_path=need("chromium"), args=rules)
    names: list[Rebound] = []

    def visited(server: Server) -> Callable[[list[str]], list[list[Any]]]:
        name = Rebound(server)
        names.append(name)
        page = chromium.new_page()
        page.goto(name.url)
        assert page.title() == "theirs"
        name.flip()

        def read(tokens: list[str]) -> list[list[Any]]:
            found: list[list[Any]] = page.evaluate(READ, {"tokens": tokens, "doors": [*DOORS, ["/", None]]})
            return found

        return read

    yield visited
    chromium.close()
    for name in names:
        name.__exit__()


@pytest.mark.parametrize("real", [True, False])
def test_a_rebound_page_reads_nothing_with_a_published_token(
    server: Start, platformos: PlatformOS, theirs: Callable[..., Any], real: bool
) -> None:
    """It reads nothing of a real site or the demo at any door, and `/` shows it no token. A private token works."""
    platformos.add({"message": "of the real site"})
    environments = {"staging": platformos} if real else None
    clients = {**CLIENTS, **{f"guess {number}": {"token": token} for number, token in enumerate(GUESSES)}}
    running = server(environments=environments, clients=clients)
    read = theirs(running)
    for path, status, text in read(GUESSES):
        assert status == (200 if path == "/" else 403), path
        assert "of the real site" not in text
        assert not [token for token in GUESSES if token in text], path
        assert platformos.url not in text
    own = read([TOKEN])
    assert [status for _, status, _ in own] == [200, 200, 403, 200, 200, 200, 200]  # /mcp refuses its origin
    assert own[1][2] == "a stream"
    assert ("of the real site" in own[0][2]) is real


def test_a_rebound_page_reads_nothing_of_a_fresh_checkout_beside_a_pos(
    server: Start, platformos: PlatformOS, theirs: Callable[..., Any]
) -> None:
    """`make run` starts it so. The token of the run is in no answer that needs none."""
    platformos.add({"message": "of the real site"})
    running = server(clients=repo() / "clients.json")
    running.wait_output("in a browser.")
    run = running.output.partition("/#token=")[2].split()[0]
    for path, status, text in theirs(running)(GUESSES[:2]):
        assert status != 200 or path == "/"
        assert run not in text
        assert not [token for token in GUESSES if token in text]
    assert platformos.requests == []
