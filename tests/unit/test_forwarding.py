"""The app takes its own path from the header of a proxy: not from anyone else, and only if it is a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from poslogs.app import create_app
from poslogs.settings import Settings

TOLD = "X-Forwarded-Prefix"
PROXY = {"REMOTE_ADDR": "127.0.0.1"}
STRANGER = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture
def asked(tmp_path: Path) -> FlaskClient:
    """The app behind one proxy on this machine."""
    clients = tmp_path / "clients.json"
    clients.write_text('{"a": {"token": "a-token-of-some-length"}}')
    app = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients), "POSLOGS_PROXY_HOPS": "1"}))
    return app.test_client()


def root(asked: FlaskClient, prefix: str, environ: dict[str, str]) -> str:
    """The first of the servers in the description, as a program asks for it."""
    answer = asked.get("/openapi.json", headers={TOLD: prefix}, environ_overrides=environ)
    first, _ = answer.get_json()["servers"]
    assert isinstance(first["url"], str)
    return first["url"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("/logs", "/logs"), ("/logs/", "/logs"), ("/a/b-c_d~1.x", "/a/b-c_d~1.x"), ("/old, /new", "/new")],
)
def test_the_path_that_the_proxy_names_is_the_app_s_own(asked: FlaskClient, prefix: str, expected: str) -> None:
    """Programs made from the description call below that path."""
    assert root(asked, prefix, PROXY) == expected


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "//evil.example",
        "/a//b",
        "logs",
        "https://evil.example",
        "/../x",
        "/a b",
        "/a?b",
        "/ä",
        "/" + "a" * 300,
    ],
)
def test_what_is_no_path_counts_as_not_there(asked: FlaskClient, prefix: str) -> None:
    """A browser that is redirected stays with this host."""
    assert root(asked, prefix, PROXY) == "/"


def test_a_stranger_names_no_path(asked: FlaskClient) -> None:
    """Forwarding headers are believed from proxies alone."""
    assert root(asked, "/logs", STRANGER) == "/"


def test_the_page_s_address_ends_in_a_slash(asked: FlaskClient) -> None:
    """Its links are relative: without the slash they would lead beside the app."""
    answer = asked.get("/", environ_overrides={"SCRIPT_NAME": "/logs", "PATH_INFO": ""})
    assert (answer.status_code, answer.headers["Location"]) == (308, "/logs/")
    assert asked.get("/", environ_overrides={"SCRIPT_NAME": "/logs"}).status_code == 200
    assert asked.get("/", environ_overrides={"PATH_INFO": ""}).status_code == 200  # as some servers call the root
