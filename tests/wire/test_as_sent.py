"""Requests as people and their tools really send them: taken if the meaning is plain, else refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import FETCH, READER, ask, asking, clients, get, post, request, unharmed

KINDS = ["gevent", "gthread"]
RUBY = "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"  # Net::HTTP, and so Faraday, RestClient and HTTParty
Start = Callable[..., Server]


# Compression


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_not_compressed_for_whoever_names_identity(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Ruby's Net::HTTP inflates 16 KiB before it gives out a byte. Browsers, requests and curl still get gzip."""
    running = server(kind, clients=clients())
    for asked, encoding in (
        (RUBY, None),
        ("gzip, Identity", None),
        ("identity;q=0.001, gzip;q=1", None),
        ("gzip\r\nAccept-Encoding: identity;q=0.5", None),  # a list may stand in two lines
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip, deflate, br, zstd", "gzip"),
        ("gzip, identity;q=0", "gzip"),
        ("gzip, *;q=0.5", "gzip"),
    ):
        stream = post(running, asking(), f"Accept-Encoding: {asked}")
        assert stream.is_stream, stream
        assert stream.headers.get("content-encoding") == encoding, asked
        assert stream.headers["vary"] == "Accept-Encoding"
    unharmed(running)


def test_an_entry_reaches_ruby_s_header_as_plain_text_at_once(server: Start, platformos: PlatformOS) -> None:
    """Each entry is on the wire before the next is there."""
    running = server(clients=clients())
    asked = {"env": "staging", "interval": 250}
    with running.stream("platformos.logs.stream", asked, token=READER, headers={"Accept-Encoding": RUBY}) as reader:
        for number in (1, 2, 3):
            platformos.add({})
            assert [entry["id"] for entry in reader.wait_entries(number)][-1] == str(number)
    unharmed(running)


# Paths and names


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_with_a_slash_too_many_is_that_path(server: Start, platformos: PlatformOS, kind: str) -> None:
    """The slash is at the end, or doubled in front. This holds for every route, with all its checks."""
    running = server(kind, clients=clients())
    platformos.add({})
    initialize = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}'
    for front, end in (("", "/"), ("/", ""), ("//", "//")):
        assert post(running, asking(), path=f"{front}/call-stream{end}").is_stream
        assert b"content" in post(running, asking(FETCH), path=f"{front}/call{end}").body
        assert b"serverInfo" in post(running, initialize, path=f"{front}/mcp{end}").body
        for path in ("/tools", "/health", "/metrics", "/livez", "/readyz", "/openapi.json"):
            assert get(running, f"{front}{path}{end}").status == 200, (front, path, end)
        for path in ("/tools", "/health", "/metrics", "/call-stream"):
            assert get(running, f"{front}{path}{end}", token=None).status == 401, (front, path, end)
        assert get(running, f"{front}/nothing{end}").status == 404
        assert get(running, f"{front}/page/main.js", token=None).status == 200
        assert get(running, f"{front}/page/{end}", token=None).status == 404
    refused = post(running, b"[]", path="/mcp/")
    assert json.loads(refused.body)["jsonrpc"] == "2.0"
    assert b"<html" in get(running, "//", token=None).body
    unharmed(running)


@pytest.mark.parametrize("path", ["/call-stream", "/call", "/call-stream/", "/mcp", "/mcp/"])
def test_a_get_of_a_path_that_takes_post_says_so(server: Start, platformos: PlatformOS, path: str) -> None:
    """The sentence and Allow say so, as for PUT and DELETE."""
    running = server(clients=clients())
    for method in ("GET", "PUT", "DELETE"):
        refused = ask(running, request(path, b"", method=method))
        assert refused.status == 405, (method, refused)
        assert "POST" in refused.headers["allow"]
        assert f"does not take {method}; use POST.".encode() in refused.body


def test_a_tool_s_name_may_have_underscores(server: Start, platformos: PlatformOS) -> None:
    """All or some dots may be underscores. Other names are unknown, and a refusal at the wrong door names the tool."""
    running = server(clients=clients())
    for name in ("platformos_logs_stream", "platformos.logs_stream", "platformos_logs_live"):
        assert post(running, asking(name)).is_stream, name
    assert post(running, asking("platformos_logs_fetch"), path="/call").status == 200
    assert b"envs" in post(running, b'{"tool": "platformos_env_list"}', path="/call").body
    assert "POST it to /call." in post(running, asking("platformos_logs_fetch")).sentence
    assert post(running, asking("platformos_logs")).status == 404
    unharmed(running)


@pytest.mark.parametrize("end", ["/admin", "/admin/", "/api/app_builder/logs"])
def test_a_url_of_pos_that_is_more_than_the_site_s_address_is_named(
    server: Start, platformos: PlatformOS, end: str
) -> None:
    """Copied from the browser, it leads to a 404 of platformOS. The sentence says where to look."""
    platformos.add({})
    running = server(
        clients=clients(), environments={"staging": {**platformos.environment, "url": platformos.url + end}}
    )
    sentence = (
        "platformOS answered 404 for environment staging; "
        "check its url in .pos: it should be the site's address alone, such as https://example.com."
    )
    assert post(running, asking(FETCH), path="/call").sentence == sentence
    with running.stream("platformos.logs.stream", {"env": "staging"}, token=READER) as reader:
        reader.wait_frame(lambda frame: frame.event == "error")
        assert [error["message"] for error in reader.errors] == [sentence]
        running.write_pos({"staging": platformos})
        reader.wait_end()  # another address under this name
    with running.stream("platformos.logs.stream", {"env": "staging"}, token=READER) as reader:
        reader.wait_entries(1)


@pytest.mark.parametrize("status", [404, 405, 410])
def test_whatever_says_that_there_is_no_log_is_told_so(server: Start, platformos: PlatformOS, status: int) -> None:
    """For another server or a proxy at that address the advice is the same; a 500 does not bring it."""
    running = server(clients=clients())
    platformos.fail("status", status=status)
    assert "check its url in .pos" in post(running, asking(FETCH), path="/call").sentence
    platformos.fail("status", status=500)
    assert "check its url" not in post(running, asking(FETCH), path="/call").sentence


# Bytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_carriage_return_in_a_header_is_named(server: Start, platformos: PlatformOS, kind: str) -> None:
    """For a token from a file with Windows line ends the refusal says what to do, and nothing shows the token."""
    running = server(kind, clients=clients())
    for line, name in (
        (f"Authorization: Bearer {READER}\r", "Authorization"),
        (f"Authorization: Bearer {READER}\x00", "Authorization"),
        ("Last-Event-ID: 5\r", "Last-Event-ID"),
        ("Content-Type: application/json\r", "Content-Type"),
    ):
        token = None if name == "Authorization" else READER
        refused = post(running, asking(), line, token=token)
        assert refused.status == 400
        assert refused.sentence.startswith(f"The header {name} has a control character, such as the carriage return")
    for line in (f"X-{READER}: a\r", f"{READER.upper()}"):
        assert READER not in post(running, asking(), line).sentence
    unharmed(running)


@pytest.mark.parametrize("path", ["/call", "/mcp"])
def test_a_body_in_other_bytes_is_read_or_named(server: Start, platformos: PlatformOS, path: str) -> None:
    """A byte order mark does no harm. UTF-16, Windows-1252 and a shell's quotes are named, at /mcp as JSON-RPC."""
    running = server(clients=clients())
    text = '{"jsonrpc": "2.0", "id": 1, "method": "ping"}' if path == "/mcp" else asking(FETCH).decode()
    assert post(running, text.encode("utf-8-sig"), path=path).status == 200
    for body, sign in (
        (text.encode("utf-16"), "it is UTF-16; send it as UTF-8."),
        (text.encode("utf-16-le"), "it is UTF-16; send it as UTF-8."),
        ('{"é": 1}'.encode("cp1252"), "Windows-1252, at line 1, column 3 (byte 0xe9); send it as UTF-8."),
        (f"'{text}'".encode(), "it begins with a single quote, as cmd.exe passes it on"),
        (text.replace('"', "").encode(), "it has lost its double quotes, as in PowerShell"),
    ):
        refused = post(running, body, path=path)
        told = json.loads(refused.body)["error"]
        sentence = told["message"] if path == "/mcp" else told
        assert (refused.status, sign in sentence) == (400, True), sentence
    unharmed(running)
