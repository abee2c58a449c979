"""Servers: the same app under each of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

import pytest

from poslogs.app import create_app
from poslogs.settings import Settings
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import CLIENTS, TOKEN, Server

Start = Callable[..., Server]
KINDS = ("gevent", "gthread", "waitress", "flask")
LIVE = "platformos.logs.live"


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_streams_are_live_under_every_server(server: Start, platformos: PlatformOS, kind: str, gzip: bool) -> None:
    """First bytes while platformOS hangs, history, later rows, heartbeats and done wait for no buffer."""
    started = server(kind, env={"POSLOGS_HEARTBEAT_SECONDS": "0.4"})
    platformos.fail("hang")
    with started.stream(LIVE, {"env": "staging", "interval": 250}, gzip=gzip) as reader:
        reader.wait_frame(lambda frame: frame.comment == "open")
        reader.wait_frame(lambda frame: frame.comment == "heartbeat")
        platformos.add_many(3)
        platformos.heal()
        reader.wait_entries(3)
        platformos.add_many(2)
        reader.wait_entries(5)
        platformos.fail("status", status=401)
        reader.wait_end()
        assert reader.done
        assert reader.entry_ids == platformos.ids
    assert "Traceback" not in started.output


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_have_one_shape_under_every_server(server: Start, platformos: PlatformOS, kind: str) -> None:
    """401, 400, 404, 405 and 415 are one JSON sentence each."""
    started = server(kind)
    for answer, status in (
        (started.get("/tools", token=None), 401),
        (started.post("/call-stream", {"tool": LIVE, "input": {"env": "nowhere"}}), 400),
        (started.post("/call", {"tool": "platformos.nothing"}), 404),
        (started.get("/nothing"), 404),
        (started.get("/call"), 405),
        (started.post("/call", data="{}", headers={"Content-Type": "text/plain"}), 415),
    ):
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("gzip", [False, True])
def test_wsgiref_has_no_complaint(
    platformos: PlatformOS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gzip: bool
) -> None:
    """Every answer passes the standard library's WSGI validator, even a stream with all its parts."""
    (tmp_path / "clients.json").write_text(json.dumps(CLIENTS))
    (tmp_path / ".pos").write_text(json.dumps({"staging": platformos.environment}))
    app = create_app(
        Settings.read(
            {"CONFIG_FILE_PATH": str(tmp_path / ".pos"), "POSLOGS_CLIENTS_FILE": str(tmp_path / "clients.json")}
        )
    )
    complaints: list[str] = []

    def threaded(environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.multithread"] = True  # as Threaded is, though wsgiref says that it is not
        return app(environ, start_response)

    class Threaded(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            complaints.append(format % args)

    platformos.add_many(3)
    with make_server("127.0.0.1", 0, validator(threaded), Threaded, Quiet) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{httpd.server_port}"
        with Reader(url, {"tool": LIVE, "input": {"env": "staging", "interval": 250}}, gzip=gzip) as reader:
            reader.wait_entries(3)
            platformos.fail("status", status=401)
            reader.wait_end()
            assert reader.done, complaints
            assert reader.entry_ids == ["1", "2", "3"]
        for path, token in (
            ("/livez", None),
            ("/tools", TOKEN),
            ("/tools", "wrong"),
            ("/x", TOKEN),
        ):
            with Reader(url, None, path=path, token=token) as answer:
                assert answer.status < 500, complaints
                assert answer.json
        httpd.shutdown()
    assert not [line for line in complaints if " 500 " in line]
