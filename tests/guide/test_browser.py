"""The guide's page and its browser client, in Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guide.blocks import code, runs
from tests.guide.conftest import Scene
from tests.support.need import need
from tests.support.site import served

pytestmark = pytest.mark.timeout(120)

WAIT_MS = 20_000


@runs("page", "browser")
def test_the_page_shows_entries_from_another_origin(scene: Scene, tmp_path: Path) -> None:
    """Errors from before and after the opening appear in order and in red, then the end; the console is quiet."""
    need("playwright")
    from playwright.sync_api import expect, sync_playwright

    (tmp_path / "index.html").write_text(code("page"))
    (tmp_path / "log-streamer.js").write_text(code("browser"))
    before = scene.add("error", "info", "error")
    complaints: list[str] = []
    with served(tmp_path) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("headless"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/index.html")
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
