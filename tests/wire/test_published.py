"""Tokens that anyone can read in this repository: they open the demo alone, on this machine, under its own names."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.need import repo
from tests.support.nginx import Nginx
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server, free_port
from tests.wire.exchange import (
    FETCH,
    PLENTY,
    READER,
    STREAM,
    Answer,
    ask,
    asking,
    clients,
    connected,
    get,
    post,
    request,
    unharmed,
)
from tests.wire.exchange import answer as answered
from tests.wire.starting import started_in_vain

Start = Callable[..., Server]
PUBLISHED = "your-client-secret-here"
PLACEHOLDER = "paste-a-token-here"
FRESH = {"default": {"token": PUBLISHED, "limits": PLENTY}}  # as on a fresh checkout, for tests that ask often
LISTED = clients(published={"token": PUBLISHED, "limits": PLENTY, "envs": ["staging"]})
PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
FORWARDING = [
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-For: 127.0.0.1",
    "x-forwarded-for:",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: localhost",
    "X-Forwarded-Port: 443",
    "X-Forwarded: for=127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
    "forwarded: for=unknown",
    "Via: 1.1 proxy",
    "CF-Connecting-IP: 127.0.0.1",
    "True-Client-IP: ::1",
]
LOCAL = ["localhost", "LOCALHOST:3030", "logs.localhost", "logs.localhost:80", "127.0.0.1", "127.0.0.1:1", "[::1]:3030"]
STRANGE = [
    "attacker.example",
    "attacker.example:3030",
    "localhost.attacker.example",
    "127.0.0.1.attacker.example",
    "attackerlocalhost",
    "10.1.2.3",
    "[2001:db8::1]:80",
    "localhost:3030:80",
]


def at_every_door(server: Server, token: str) -> dict[str, Answer]:
    """What a token gets at each door that asks for one."""
    body = json.dumps(PING).encode()
    accept = "Accept: application/json, text/event-stream"
    return {
        "/call-stream": post(server, asking(), token=token),
        "/call": post(server, asking(FETCH), path="/call", token=token),
        "/mcp": post(server, body, accept, path="/mcp", token=token),
        **{path: get(server, path, token=token) for path in ("/tools", "/health", "/metrics")},
    }


def named(host: str, asked: bytes) -> bytes:
    """A request that calls the server by another name."""
    return asked.replace(b"Host: 127.0.0.1", f"Host: {host}".encode())


@pytest.mark.parametrize("token", [PUBLISHED, "your-token", "client-secret", PLACEHOLDER])
def test_a_real_environment_is_read_with_no_published_token_at_any_door(
    server: Start, platformos: PlatformOS, token: str
) -> None:
    """On loopback, even if the file names the environment: 403 with the way out, and platformOS is never asked."""
    platformos.add({"message": "of the real site"})
    running = server(clients=clients(default={"token": token, "limits": PLENTY, "envs": ["staging"]}))
    for door, answer in at_every_door(running, token).items():
        assert answer.status == 403, door
        assert b"opens its demo only" in answer.body, door
        assert b"`python -m poslogs token new NAME`" in answer.body, door
        assert platformos.url.encode() not in answer.body
    assert platformos.requests == []
    assert token.encode() not in get(running, "/", token=None).body
    with running.stream(STREAM, {"env": "staging"}, token=READER) as reader:
        assert reader.wait_entries(1)[0]["message"] == "of the real site"
    unharmed(running)


@pytest.mark.parametrize("hops", ["0", "1"])
def test_a_published_token_opens_the_demo_through_nothing_that_says_it_is_a_proxy(server: Start, hops: str) -> None:
    """Each header of a proxy, with any value, gets 403 with the way out. Without them all doors are open."""
    running = server(clients=clients(default=FRESH["default"]), env={"POSLOGS_PROXY_HOPS": hops})
    for door, answer in at_every_door(running, PUBLISHED).items():
        assert answer.status == 200, (door, answer)
    for line in FORWARDING:
        refused = post(running, asking(), line, token=PUBLISHED)
        assert refused.status == 403, (line, refused)
        assert "published" in refused.sentence
        assert "clients.json" in refused.sentence
        assert PUBLISHED.encode() not in get(running, "/", line, token=None).body
        assert post(running, asking(), line, token=READER).is_stream, line
    unharmed(running)


@pytest.mark.parametrize("kind", ["gevent", "waitress"])
def test_a_published_token_is_taken_under_a_local_name_only(server: Start, kind: str) -> None:
    """A page whose name was rebound to this machine sends that name. It gets 403, and no token from `/`."""
    running = server(kind, clients=clients(default=FRESH["default"]))
    for host in LOCAL:
        assert ask(running, named(host, request(body=asking(), token=PUBLISHED))).is_stream, host
        assert PUBLISHED.encode() in ask(running, named(host, request("/", method="GET", token=None))).body, host
    for host in STRANGE:
        refused = ask(running, named(host, request(body=asking(), token=PUBLISHED)))
        assert refused.status in (400, 403), (host, refused)
        if refused.status == 403:
            assert "call the server localhost or 127.0.0.1" in refused.sentence
        assert PUBLISHED.encode() not in ask(running, named(host, request("/", method="GET", token=None))).body, host


def test_a_token_of_ones_own_works_under_any_name(server: Start, platformos: PlatformOS) -> None:
    """So a proxy that passes `Host` on needs no setting. At /mcp a setting says which names are right."""
    running = server(clients=clients())
    for host in ("logs.example.com", "attacker.example:3030", *LOCAL):
        assert ask(running, named(host, request(body=asking()))).is_stream, host
    unharmed(running)


def test_hosts_are_the_names_that_mcp_is_called_by(server: Start, platformos: PlatformOS) -> None:
    """Names in POSLOGS_HOSTS and local ones are taken on any address, behind a proxy too. Any other gets 421."""
    everywhere = f"0.0.0.0:{free_port()}"
    env = {"POSLOGS_HOSTS": "logs.example.com, Other.example", "POSLOGS_PROXY_HOPS": "1"}
    running = server(clients=clients(), env=env, args=["-b", everywhere])
    accept = "Accept: application/json, text/event-stream"
    asked = request("/mcp", json.dumps(PING).encode(), accept, "Connection: close")
    for port in (running.port, int(everywhere.rpartition(":")[2])):
        running.port = port
        for host in ("logs.example.com", "LOGS.example.com:443", "other.example", "localhost:3030"):
            assert ask(running, named(host, asked)).status == 200, host
        for host in ("example.com", "a.logs.example.com", "attacker.example:3030"):
            refused = ask(running, named(host, asked))
            assert refused.status == 421, host
            assert b"POSLOGS_HOSTS lists those by which it may be called" in refused.body


@pytest.mark.parametrize("path", ["/", "/logs/"])
def test_behind_a_bare_proxy_pass_a_published_token_reads_no_real_environment(
    server: Start, platformos: PlatformOS, tmp_path: Path, path: str
) -> None:
    """No header shows such an nginx, at the root or under a path, so such a token must open no real site."""
    running = server(clients=LISTED, own=True)
    platformos.add({})
    body = {"tool": STREAM, "input": {"env": "staging"}}
    with Nginx(tmp_path, running.url, path=path) as nginx:
        for token, status in ((PUBLISHED, 403), (READER, 200)):
            with Reader(nginx.url, body, token=token, path=f"{path}call-stream") as reader:
                assert reader.status == status
                assert reader.headers["server"].startswith("nginx")
    running.wait_output('"input":{"env":"staging"}}')
    assert "with published tokens that open a demo only" in running.output
    unharmed(running)


def test_behind_a_proxy_that_passes_the_name_on_a_published_token_opens_not_even_the_demo(
    server: Start, tmp_path: Path
) -> None:
    """With `proxy_set_header Host $host` a visitor's own token works, and a published one does not."""
    running = server(clients=clients(default=FRESH["default"]))
    with Nginx(tmp_path, running.url, "proxy_set_header Host logs.example.com;") as nginx:
        for token, status in ((PUBLISHED, 403), (READER, 200)):
            with Reader(nginx.url, {"tool": STREAM, "input": {"env": "staging"}}, token=token) as reader:
                assert reader.status == status


def test_a_unix_socket_takes_any_name_and_a_published_token_reads_the_demo_alone(
    server: Start, platformos: PlatformOS, tmp_path: Path
) -> None:
    """Only this machine reaches it, so no name is wrong there. Real environments stay shut."""
    for number, (environments, status) in enumerate([(None, 200), ({"staging": platformos}, 403)]):
        path = str(tmp_path / f"{number}.sock")
        server(environments=environments, clients=LISTED, args=["-b", f"unix:{path}"])
        for token, expected in ((PUBLISHED, status), (READER, 200)):
            for host in ("localhost", "attacker.example"):
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(15)
                    sock.connect(path)
                    sock.sendall(named(host, request(body=asking(), token=token)))
                    assert answered(sock).status == expected, (host, token)


@pytest.mark.parametrize("kind", ["gevent", "waitress"])
def test_a_published_token_is_refused_to_another_machine(server: Start, kind: str) -> None:
    """With a published container port requests come from the bridge's address. They get 403, even for the demo."""
    far = f"{own_address()}:{free_port()}"
    arg = f"--listen={far}" if kind == "waitress" else f"--bind={far}"
    running = server(kind, clients=clients(default=FRESH["default"]), args=[arg])
    assert post(running, asking(), token=PUBLISHED).is_stream
    for token, status in ((PUBLISHED, 403), (READER, 200)):
        body = {"tool": STREAM, "input": {"env": "staging"}}
        with Reader(f"http://{far}", body, token=token, headers={"Host": "localhost"}) as reader:
            assert reader.status == status


def own_address() -> str:
    """An address of this machine that is not loopback; the test is skipped where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing: it only picks the way out
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = sock.getsockname()[0]
    assert isinstance(address, str)
    return address


@pytest.mark.parametrize(
    ("host", "token"),
    [("0.0.0.0", PUBLISHED), ("[::]", "your-token"), ("192.0.2.77", "client-secret"), ("0.0.0.0", PLACEHOLDER)],
)
def test_published_tokens_alone_start_on_no_address_that_is_not_loopback(host: str, token: str, tmp_path: Path) -> None:
    """The start is refused with one line that says what to do. Nothing listens."""
    files = {"clients.json": json.dumps({"default": {"token": token}})}
    sentence = started_in_vain(tmp_path, files, args=["-b", f"{host}:0"])
    assert "published" in sentence
    assert f"{host.strip('[]')} is not loopback" in sentence
    assert "`python -m poslogs token new NAME`" in sentence
    assert token not in sentence


def test_a_short_token_starts_on_loopback_alone(server: Start, platformos: PlatformOS, tmp_path: Path) -> None:
    """Under 16 characters it gets a warning there, and is refused elsewhere."""
    brief: dict[str, Any] = {"brief": {"token": "fifteen-letters"}}
    sentence = started_in_vain(tmp_path, {"clients.json": json.dumps(brief)}, args=["-b", "0.0.0.0:0"])
    assert "the token of client brief in clients.json has fewer than 16 characters" in sentence
    running = server(clients=brief, own=True)
    running.wait_output("has fewer than 16 characters and can be guessed")
    assert post(running, asking(), token="fifteen-letters").is_stream
    assert "fifteen-letters" not in running.output + sentence


def test_every_token_that_the_documents_print_is_a_published_one(server: Start) -> None:
    """An example that is pasted unchanged opens the demo, and nothing of a real site."""
    documents = [repo() / "README.md", *(repo() / "docs").rglob("*.md"), *(repo() / "examples").iterdir()]
    printed: set[str] = set()
    for path in documents:
        text = path.read_text(encoding="utf-8")
        printed |= set(re.findall(r"Bearer ([\w<>-]+)", text)) - {"or", "token"}
        printed |= set(re.findall(r'"token": "([\x21-\x7e]+?)"', text))
        printed |= set(re.findall(r"CLIENT_SECRET(?:=\"?|:-| \?\? '|', ['\"])([\w<>-]+)", text))
    assert {PUBLISHED, PLACEHOLDER} <= printed
    running = server(
        clients={token: {"token": token, "limits": PLENTY} for token in printed}, args=["-b", "127.0.0.1:0"]
    )
    with connected(running) as sock:
        for token in sorted(printed):
            sock.sendall(request("/health", method="GET", token=token))
            assert answered(sock).status == 200
            sock.sendall(named("attacker.example", request("/health", method="GET", token=token)))
            assert answered(sock).status == 403, token
