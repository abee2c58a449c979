"""What the gate promises: a route is open only where its door says so, and a refusal has the shape of its door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, g, request

from poslogs.app import create_app
from poslogs.doors.door import Door, everyone
from poslogs.errors import Forbidden
from poslogs.settings import Settings

TOKEN = {"Authorization": "Bearer a-token-of-some-length"}
OPEN = {"/", "/page/<file>", "/livez", "/readyz", "/openapi.json"}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The app as it is served, with one client."""
    clients = tmp_path / "clients.json"
    clients.write_text('{"a": {"token": "a-token-of-some-length"}}')
    return create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients)}))


def answer() -> str:
    return f"for {g.client.id if 'client' in g else 'anybody'}"


def test_these_routes_are_open_and_no_other(app: Flask) -> None:
    """Without a token every route, by any method in use, answers 401, except the page and the probes."""
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<file>", "main.js")
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            status = client.open(path, method=method).status_code
            assert (status == 401) is (rule.rule not in OPEN), (method, path, status)
            assert status in (200, 401, 405), (method, path, status)


@pytest.mark.parametrize("path", ["/new", "/token", "/page/secrets/all", "/.well-known/secrets", "/mcp/secrets"])
def test_a_route_that_says_nothing_asks_for_a_token(app: Flask, path: str) -> None:
    """So does one on the app, in a blueprint, or at a door without a guard, at any path and by any method."""
    app.add_url_rule(path, view_func=answer)
    forgotten, door = Blueprint("forgotten", __name__), Door("door", __name__)
    forgotten.add_url_rule(f"{path}/blueprint", view_func=answer)
    door.add_url_rule(f"{path}/door", view_func=answer)
    app.register_blueprint(forgotten)
    app.register_blueprint(door)
    client = app.test_client()
    for each in (path, f"{path}/blueprint", f"{path}/door"):
        for method in ("GET", "POST"):
            refused = client.open(each, method=method)
            assert (refused.status_code, list(refused.get_json())) == (401, ["error"]), (method, each)
        assert client.get(each, headers=TOKEN).text == "for a"
        assert client.post(each, headers=TOKEN).status_code == 405


def test_a_door_s_own_guard_and_shape_are_for_all_that_comes_to_it(app: Flask) -> None:
    """That includes methods that its route does not take. Requests at other doors see neither."""

    def knock() -> Response | None:
        if "knocked" not in request.args:
            raise Forbidden("Knock first.")
        return None

    def shape(sentence: str, status: int) -> dict[str, Any]:
        return {"said": sentence, "with": status}

    door = Door("own", __name__, guard=knock, shape=shape)
    door.add_url_rule("/own", view_func=answer)
    app.register_blueprint(door)
    client = app.test_client()
    for method in ("GET", "POST"):
        refused = client.open("/own", method=method)
        assert (refused.status_code, refused.get_json()) == (403, {"said": "Knock first.", "with": 403})
    assert client.get("/own?knocked").text == "for anybody"
    refused = client.post("/own?knocked")
    assert (refused.status_code, set(refused.headers["Allow"].split(", "))) == (405, {"GET", "HEAD", "OPTIONS"})
    assert refused.get_json() == {"said": "This path does not take POST; use GET.", "with": 405}
    assert list(client.get("/owned", headers=TOKEN).get_json()) == ["error"]


def test_a_door_that_is_open_says_so_itself(app: Flask) -> None:
    """This holds for any path."""
    door = Door("open", __name__, guard=everyone)
    door.add_url_rule("/anything", view_func=answer)
    app.register_blueprint(door)
    assert app.test_client().get("/anything").text == "for anybody"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/mcp", 401), ("GET", "/call", 401), ("GET", "/call-stream", 401), ("PUT", "/health", 401),
     ("POST", "/mcp", 401), ("PUT", "/", 405), ("POST", "/livez", 405), ("GET", "/", 400), ("GET", "/tools", 401)],
)  # fmt: skip
def test_a_websocket_s_handshake_meets_the_guard_of_its_path(app: Flask, method: str, path: str, status: int) -> None:
    """Any page may send one. The door of the path refuses it in our shape, whatever its method."""
    response = app.test_client().open(path, method=method, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert response.status_code == status
    assert response.is_json
