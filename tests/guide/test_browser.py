"""The guide's page and its browser client, in Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.guide.blocks import code, runs
from tests.guide.conftest import Scene
from tests.support.need import need

pytestmark = pytest.mark.timeout(120)

WAIT_MS = 20_000


class _Files(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":  # browsers ask for it; a 404 would be an error in the console
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@runs("page", "browser")
def test_the_page_shows_entries_from_another_origin(scene: Scene, tmp_path: Path) -> None:
    """Errors from before and after the opening appear in order and in red, then the end; the console is quiet."""
    need("playwright")
    from playwright.sync_api import expect, sync_playwright

    (tmp_path / "index.html").write_text(code("page"))
    (tmp_path / "log-streamer.js").write_text(code("browser"))
    before = scene.add("error", "info", "error")
    complaints: list[str] = []
    with _served(tmp_path) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        shown = page.locator("#log-output > div", has_text=scene.mark)
        expect(shown).to_have_count(2, timeout=WAIT_MS)
        after = scene.add("debug", "error")
        expect(shown).to_have_count(3, timeout=WAIT_MS)
        texts = [f"[{scene.timestamp(text)}] {text}" for text in (before[0], before[2], after[1])]
        assert shown.all_text_contents() == texts
        assert {each.get_attribute("class") for each in shown.all()} == {"log-entry log-error"}
        assert shown.first.evaluate("each => getComputedStyle(each).color") == "rgb(255, 0, 0)"
        scene.staging.fail("status", status=401, body={"error": "unauthorized"})
        expect(page.locator("#log-output > .log-info")).to_have_text("Stream completed", timeout=WAIT_MS)
        expect(page.locator("#log-output > .log-error", has_text="ERROR: ")).to_have_count(1)
        browser.close()
    assert complaints == []


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()
