"""What the entrance says of a token that a server in front has passed on unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from poslogs.app import create_app
from poslogs.settings import Settings

TOKEN = "a-token-of-some-length"


def test_a_carriage_return_behind_a_token_is_named(tmp_path: Path) -> None:
    """gunicorn refuses such a head by itself; other servers pass it on."""
    clients = tmp_path / "clients.json"
    clients.write_text(f'{{"a": {{"token": "{TOKEN}"}}}}')
    asking = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients)})).test_client()
    refused = asking.get("/tools", environ_overrides={"HTTP_AUTHORIZATION": f"Bearer {TOKEN}\r"})
    assert refused.status_code == 401
    assert refused.get_json()["error"].startswith("The token ends in a carriage return (\\r)")
    assert TOKEN not in refused.text
    assert asking.get("/tools", environ_overrides={"HTTP_AUTHORIZATION": f"Bearer {TOKEN} "}).status_code == 200


@pytest.mark.parametrize("server", [{"mod_wsgi.version": (4, 9, 4)}, {"wsgi.run_once": True}], ids=["mod_wsgi", "CGI"])
def test_where_apache_may_have_kept_the_token_the_refusal_says_so(tmp_path: Path, server: dict[str, object]) -> None:
    """The refusal names the line that lets the token through. Elsewhere nothing is said of Apache."""
    clients = tmp_path / "clients.json"
    clients.write_text(f'{{"a": {{"token": "{TOKEN}"}}}}')
    asking = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients)})).test_client()
    refused = asking.get("/tools", environ_overrides=server)
    assert refused.status_code == 401
    assert "it needs WSGIPassAuthorization On, or CGIPassAuth On" in refused.get_json()["error"]
    assert "Apache" not in asking.get("/tools").get_json()["error"]
