"""POSLOGS_PREFIX: a path that a proxy leaves in place, or takes away without a word, is where the app is to itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from poslogs.app import create_app
from poslogs.errors import ConfigError
from poslogs.settings import Settings

TOKEN = "a-token-of-some-length"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def asked(tmp_path: Path, **more: str) -> FlaskClient:
    clients = tmp_path / "clients.json"
    clients.write_text(f'{{"a": {{"token": "{TOKEN}"}}}}')
    return create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients), **more})).test_client()


@pytest.mark.parametrize("prefix", ["/logs", "/logs/", "/a/b-c_d~1.x"])
def test_each_route_answers_below_it_and_links_name_it(tmp_path: Path, prefix: str) -> None:
    """Also where the proxy has taken it away, and for a probe that comes past the proxy."""
    app = asked(tmp_path, POSLOGS_PREFIX=prefix)
    base = prefix.rstrip("/")
    for root in (base, ""):
        assert app.get(f"{root}/tools", headers=HEADERS).status_code == 200
        assert app.get(f"{root}/livez").status_code == 200
        assert app.get(f"{root}/").mimetype == "text/html"
        assert app.get(f"{root}/page/main.js").status_code == 200
        assert app.get(f"{root}/openapi.json").get_json()["servers"][0]["url"] == base
    sent_on = app.get(base)
    assert (sent_on.status_code, sent_on.headers["Location"]) == (308, f"{base}/")
    assert app.get("/", environ_overrides={"PATH_INFO": ""}).status_code == 200  # as some servers call the root


def test_what_only_begins_like_it_is_not_below_it(tmp_path: Path) -> None:
    """/logsx/tools is a path of somebody else's."""
    app = asked(tmp_path, POSLOGS_PREFIX="/logs")
    assert app.get("/logsx/tools", headers=HEADERS).status_code == 404


def test_a_path_that_the_server_or_a_proxy_names_counts_alone(tmp_path: Path) -> None:
    """One of two that disagree would make links that lead nowhere."""
    app = asked(tmp_path, POSLOGS_PREFIX="/logs", POSLOGS_PROXY_HOPS="1")
    told = app.get("/openapi.json", environ_overrides={"SCRIPT_NAME": "/other"}).get_json()
    assert told["servers"][0]["url"] == "/other"
    proxied = app.get("/openapi.json", headers={"X-Forwarded-Prefix": "/proxied"}).get_json()
    assert proxied["servers"][0]["url"] == "/proxied"


@pytest.mark.parametrize("path", ["//evil.example", "logs", "https://evil.example", "/a b", "/../x", "/ä"])
def test_what_is_no_path_is_refused_at_the_start(path: str) -> None:
    """In a sentence that names the setting."""
    with pytest.raises(ConfigError, match=r"^POSLOGS_PREFIX must be a path such as /logs, not "):
        Settings.read({"POSLOGS_PREFIX": path})


@pytest.mark.parametrize(
    ("path", "prefix"),
    [("/logs/tools", "/logs"), ("/a/b/call", "/a/b"), ("/logs/mcp", "/logs"), ("/nothing", ""), ("/a b/tools", ""),
     ("/1/2/3/4/5/tools", "")],
)  # fmt: skip
def test_a_404_names_the_setting_where_a_route_lies_below_something(tmp_path: Path, path: str, prefix: str) -> None:
    """Who forgot it reads what to set; whoever else gets a 404 does not."""
    sentence = asked(tmp_path).get(path, headers=HEADERS).get_json()["error"]
    expected = f"if a proxy serves poslogs below {prefix}, set POSLOGS_PREFIX={prefix}."
    assert sentence.endswith(expected) if prefix else "POSLOGS_PREFIX" not in sentence


@pytest.mark.parametrize(
    ("path", "headers", "prefix"),
    [("/logs/", {}, "/logs"), ("/a/b/", {}, "/a/b"), ("/logs//", {}, "/logs"), ("/logs/page/main.js", {}, "/logs"),
     ("/logs/livez", {}, "/logs"), ("/logs", {"Accept": "text/html,*/*;q=0.8"}, "/logs")],
)  # fmt: skip
def test_who_opens_a_page_below_an_untold_path_reads_what_to_set(
    tmp_path: Path, path: str, headers: dict[str, str], prefix: str
) -> None:
    """A browser has no token there, and "No token" would say nothing of what is wrong."""
    answer = asked(tmp_path).get(path, headers=headers)
    assert answer.status_code == 404
    assert answer.get_json()["error"].endswith(f"below {prefix}, set POSLOGS_PREFIX={prefix}.")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/logs/tools"), ("GET", "/logs/health"), ("POST", "/logs/call"), ("GET", "/logs/call"), ("GET", "/logs"),
     ("GET", "/nothing"), ("POST", "/logs/mcp"), ("GET", "/1/2/3/4/5/"), ("POST", "/logs/")],
)  # fmt: skip
def test_all_else_below_it_still_asks_for_a_token(tmp_path: Path, method: str, path: str) -> None:
    """Nobody learns without one which of the paths that need one are there."""
    assert asked(tmp_path).open(path, method=method).status_code == 401
