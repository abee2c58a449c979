"""The page as bytes: `/` and its files, which need no token and reveal none but a demo's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from poslogs import __version__
from poslogs.doors.page.door import STATIC
from tests.support.lent import Lender
from tests.support.platformos import PlatformOS
from tests.support.server import REPO, Server
from tests.wire.exchange import PAGE, READER, Answer, answer, ask, clients, connected, get, request

Start = Callable[..., Server]
KINDS = ["gevent", "gthread", "waitress", "flask"]
SHIPPED = REPO / "clients.json"
PUBLISHED = "your-client-secret-here"
ELSEWHERE = ("X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "x-forwarded-for:", "Via: 1.1 a", "X-Real-IP: a")
FILES = sorted(path.name for path in STATIC.iterdir())
UTF_8 = "; charset=utf-8"
TYPES = {".js": f"text/javascript{UTF_8}", ".css": f"text/css{UTF_8}", ".svg": f"image/svg+xml{UTF_8}"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types poslogs"
)
GUARDS = {
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def _open(server: Server, path: str = "/", *headers: str, method: str = "GET") -> Answer:
    """The answer to somebody without a token."""
    return ask(server, request(path, b"", *headers, method=method, token=None))


def _guarded(answered: Answer) -> bool:
    return answered.headers | GUARDS == answered.headers


def _demo(answered: Answer) -> list[str]:
    return re.findall(r'<meta name="poslogs-demo" content="([^"]*)">', answered.body.decode())


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_and_its_files_need_no_token_and_are_guarded(server: Start, kind: str) -> None:
    """Under every server the page and each file have their type and the protective headers."""
    started = server(kind, clients=clients())
    page = _open(started)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert _guarded(page)
    assert f'<meta name="poslogs-version" content="{__version__}">' in page.body.decode()
    assert {"index.html", "main.js", "style.css", "icon.svg", "stream.js"} <= set(FILES)
    for name in FILES:
        if name == "index.html":
            continue
        file = _open(started, f"/page/{name}")
        assert file.status == 200, name
        assert file.body == (STATIC / name).read_bytes(), name
        assert file.headers["content-type"] == TYPES[name[name.rindex(".") :]], name
        assert _guarded(file), name
        assert "cross-origin-resource-policy" not in file.headers


@pytest.mark.parametrize("kind", KINDS)
def test_the_demo_is_offered_to_its_own_machine_alone(server: Start, kind: str) -> None:
    """A fresh checkout offers it, but never through a proxy, whatever the proxy says."""
    # By default waitress removes the headers that show a proxy before the app could see them.
    args = ["--no-clear-untrusted-proxy-headers"] if kind == "waitress" else []
    started = server(kind, clients=SHIPPED, args=args)
    assert _demo(_open(started)) == [PUBLISHED]
    for header in ELSEWHERE:
        assert _demo(_open(started, "/", header)) == [], header
        assert PUBLISHED.encode() not in _open(started, "/", header).body


def test_no_demo_is_offered_where_none_is_served(server: Start, platformos: PlatformOS) -> None:
    """Neither a real environment with a published token nor a demo with secret tokens shows any token."""
    assert _demo(_open(server(clients=SHIPPED))) == []
    secret = server(environments=None, clients=clients())
    assert _demo(_open(secret)) == []
    assert READER.encode() not in _open(secret).body


def test_a_published_token_that_opens_no_demo_is_not_offered(server: Start) -> None:
    """Its client may read something else only. The next token that opens the demo is offered."""
    shut = {"shut": {"token": "client-secret", "envs": ["elsewhere"]}}
    assert _demo(_open(server(clients=shut))) == []
    assert _demo(_open(server(clients={**shut, "open": {"token": "your-token", "envs": ["staging"]}}))) == [
        "your-token"
    ]


def test_the_demo_ends_with_a_pos_file_that_appears(server: Start, platformos: PlatformOS) -> None:
    """The page stops offering it."""
    started = server(environments=None, clients=SHIPPED)
    assert _demo(_open(started)) == [PUBLISHED]
    started.write_pos({"staging": platformos})
    assert get(started, "/health", token=PUBLISHED).status == 403
    assert _demo(_open(started)) == []
    started.wait_output("are published and open no real environment; `python -m poslogs token new NAME` makes one")


@pytest.mark.parametrize("kind", KINDS)
def test_head_is_get_without_its_body(server: Start, kind: str) -> None:
    """The same status and headers, and the connection goes on."""
    started = server(kind, clients=clients())
    for path in ("/", "/page/main.js"):
        whole, head = _open(started, path), started._ask("HEAD", path, None)
        told = {name.lower(): value for name, value in head.headers.items()}
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", *GUARDS):
            assert told[name] == whole.headers[name], name
        assert int(told["content-length"]) == len(whole.body)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_already_is_not_sent_again(server: Start, kind: str) -> None:
    """The known ETag gets 304 with the headers and no body. Another ETag gets everything."""
    started = server(kind, clients=SHIPPED)
    for path in ("/", "/page/main.js"):
        first = _open(started, path)
        etag = first.headers["etag"]
        again = _open(started, path, f"If-None-Match: {etag}")
        assert (again.status, again.body) == (304, b"")
        assert _guarded(again)
        assert again.headers["etag"] == etag
        assert _open(started, path, 'If-None-Match: "another"').body == first.body


def test_the_page_of_another_reader_has_another_etag(server: Start) -> None:
    """A proxy's copy of the page without the demo never stands for the page with it."""
    started = server(clients=SHIPPED)
    assert _open(started).headers["etag"] != _open(started, "/", ELSEWHERE[0]).headers["etag"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/page/main.js"])
def test_nothing_but_get_and_head_is_taken(shared: Server, path: str, method: str) -> None:
    """Other methods get 405 in the shape of all refusals, with what is allowed."""
    refused = _open(shared, path, method=method)
    assert refused.status == 405
    assert refused.sentence == f"This path does not take {method}; use GET."
    assert {"GET", "HEAD"} <= set(refused.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/nothing.js",
        "/page/index.html",
        "/page/../door.py",
        "/page/../__init__.py",
        "/page/..%2fdoor.py",
        "/page/%2e%2e%2fdoor.py",
        "/page/%2e%2e/static/main.js",
        "/page/..%2fstatic%2fmain.js",
        "/page/..%5cstatic%5cmain.js",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/....//door.py",
        "/page/.%00.js",
        "/page/main.js%00.svg",
        "/page/main.js/",
        "/page/main.js/x.js",
        "/page/%252e%252e%252fdoor.py",
        "/page/C:%5cboot.js",
        "/page/~.js",
        "/page/" + "a" * 300 + ".js",
    ],
)
@pytest.mark.parametrize("kind", ["gevent", "waitress"])
def test_no_file_outside_the_folder_is_reached(shared_kinds: Callable[[str], Server], kind: str, path: str) -> None:
    """Any such path gets 404, and no word of what is there."""
    refused = _open(shared_kinds(kind), path)
    assert refused.status == 404
    assert refused.sentence.startswith("There is nothing at this path")


def test_the_page_does_not_count_against_any_limit(server: Start) -> None:
    """Thirty visits, with a token and without, leave a client that may ask once a minute its one request."""
    few = {"few": {"token": READER, "limits": {"requests": "1 per minute", "streams": 1}}}
    started = server(clients=few)
    for _ in range(15):
        for path in ("/", "/page/main.js"):
            assert get(started, path, token=READER).status == _open(started, path).status == 200
    assert "x-ratelimit-limit" not in get(started, "/", token=READER).headers
    assert get(started, "/health", token=READER).status == 200
    assert get(started, "/health", token=READER).status == 429


def test_wrong_tokens_at_the_page_are_no_guesses(server: Start) -> None:
    """A token is not looked at there."""
    started = server(clients=clients())
    for _ in range(25):
        assert get(started, "/", token="wrong").status == 200
    assert get(started, "/health", token="wrong").status == 401


def test_other_pages_may_import_the_client_of_streams(server: Start) -> None:
    """An allowed origin may import stream.js, as a browser's module does, and no other origin."""
    started = server(clients=clients())
    allowed = _open(started, "/page/stream.js", f"Origin: {PAGE}")
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert (
        "access-control-allow-origin" not in _open(started, "/page/stream.js", "Origin: https://evil.example").headers
    )


def test_a_page_and_its_files_come_over_one_connection(server: Start) -> None:
    """Files are framed by their length, so that the next answer begins where it should."""
    started = server(clients=clients())
    with connected(started) as sock:
        for path in ("/", "/page/main.js", "/page/nothing.js", "/page/style.css", "/"):
            sock.sendall(request(path, b"", method="GET", token=None))
            assert answer(sock).status == (404 if "nothing" in path else 200)


@pytest.fixture(scope="module")
def shared_kinds(lender: Lender) -> Iterator[Callable[[str], Server]]:
    """A server of a kind for the whole module: for requests that change nothing."""
    with lender.starter() as start:
        yield cache(lambda kind: start(kind, clients=clients()))


@pytest.fixture
def shared(shared_kinds: Callable[[str], Server]) -> Server:
    """The one under gunicorn."""
    return shared_kinds("gevent")
