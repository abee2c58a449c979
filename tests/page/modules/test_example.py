"""examples/browser-client.html: a page of somebody's own, from another origin."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Window
from tests.support.need import repo
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.support.site import served

Start = Callable[..., Server]

EXAMPLE = repo() / "examples" / "browser-client.html"
ADDRESS = "http://localhost:3030"
DEMO_TOKEN = "your-client-secret-here"
WAIT_MS = 20_000


def test_the_example_follows_from_another_origin(
    server: Start, platformos: PlatformOS, window: Window, complaints: Complaints, tmp_path: Path
) -> None:
    """Only the address and the token are replaced by this server's."""
    complaints.expect(*AWAY)
    running = server()
    text = EXAMPLE.read_text(encoding="utf-8")
    assert (text.count(ADDRESS), text.count(DEMO_TOKEN)) == (2, 1)
    address = running.url.replace("127.0.0.1", "localhost")
    (tmp_path / "index.html").write_text(text.replace(ADDRESS, address).replace(DEMO_TOKEN, TOKEN), encoding="utf-8")
    platformos.add_many(30)
    platformos.add({"error_type": "LiquidError", "message": "<b>not</b> markup"})
    with served(tmp_path) as url:
        page = window().new_page()
        page.goto(url)
        lines = page.get_by_role("list", name="Log").get_by_role("listitem")
        expect(lines).to_have_count(20, timeout=WAIT_MS)
        expect(lines.first).to_have_text(re.compile(r" error <b>not</b> markup$"))
        expect(lines.first).to_have_class("error")
        expect(page.get_by_role("status")).to_have_text("live")
        running.stop()
        expect(page.get_by_role("status")).to_have_text(re.compile("^reconnecting: "), timeout=WAIT_MS)
        platformos.add({"message": "while it was away"})
        running.start()
        expect(lines.first).to_have_text(re.compile(" info while it was away$"), timeout=WAIT_MS)
        expect(lines).to_have_count(21)


def test_the_example_shows_the_demo(server: Start, window: Window, tmp_path: Path) -> None:
    """It has the environment and the token of a fresh `make run`."""
    running = server(clients=repo() / "clients.json")
    address = running.url.replace("127.0.0.1", "localhost")
    (tmp_path / "index.html").write_text(EXAMPLE.read_text(encoding="utf-8").replace(ADDRESS, address))
    with served(tmp_path) as url:
        page = window().new_page()
        page.goto(url)
        expect(page.get_by_role("listitem").first).to_be_visible(timeout=WAIT_MS)
