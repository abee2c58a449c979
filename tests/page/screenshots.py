"""Pictures of the page for the documents: `python -m tests.page.screenshots` (make screenshots).

A real server, a stand-in with lifelike rows, Chromium, and a clock that stands still, so that a picture which is made
again differs only where the page does.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image  # comes with matplotlib
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.page.lifelike import before, lines, outage, rows
from tests.page.screen import Screen
from tests.support.need import need, repo
from tests.support.platformos import PlatformOS
from tests.support.server import Server

NOW = datetime(2026, 3, 4, 14, 32, 10, tzinfo=UTC)  # an ordinary Wednesday
MOST_BYTES = 200 * 1024  # of one picture
COLOURS = 256
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 360, "height": 740}


def main() -> None:
    """Make all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=repo() / "docs", help="where they go")
    folder: Path = parser.parse_args().folder
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        with _scene(errors=4) as (server, _):
            for name, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("narrow", "light", NARROW)):
                with _shown(browser, server, scheme, size) as screen:
                    _look_closer(screen)
                    _keep(screen.page, folder / f"page-{name}.png")
        with _scene(errors=4) as (server, staging), _shown(browser, server, "light", WIDE) as screen:
            staging.add(*rows(outage("another outage", 14), 15, before(NOW, seconds=1), NOW))
            expect(screen.alert).to_be_visible()
            _keep(screen.page, folder / "page-alert.png")
        with _scene(errors=4) as (server, _), _shown(browser, server, "light", WIDE) as screen:
            server.stop()
            screen.wait_state("reconnecting")
            expect(screen.connection).to_contain_text("next try")
            _keep(screen.page, folder / "page-disconnected.png")
        browser.close()


@contextmanager
def _scene(errors: int) -> Iterator[tuple[Server, PlatformOS]]:
    """A server whose staging has an afternoon of rows, and `errors` of an outage at its end."""
    with tempfile.TemporaryDirectory() as folder, PlatformOS() as staging, PlatformOS() as production:
        staging.add(*rows(lines("an afternoon"), 420, before(NOW, minutes=57), before(NOW, seconds=50)))
        staging.add(*rows(outage("an outage", errors), errors + 1, before(NOW, seconds=49), before(NOW, seconds=20)))
        staging.add(*rows(lines("meanwhile"), 6, before(NOW, seconds=19), before(NOW, seconds=1)))
        with Server(Path(folder), environments={"staging": staging, "production": production}) as server:
            yield server, staging


@contextmanager
def _shown(browser: Browser, server: Server, scheme: str, size: dict[str, int]) -> Iterator[Screen]:
    """The page with the log open, at the moment NOW."""
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id="Europe/Warsaw",
        locale="en-GB",
        reduced_motion="reduce",
    )
    screen = Screen(context, server)
    screen.page.clock.set_fixed_time(NOW)
    screen.set_server_time(NOW)
    screen.open().connect()
    expect(screen.entries.last).to_be_in_viewport()
    if size is not NARROW:  # whose overview is behind a tab
        expect(screen.figure("Entries by type").get_by_role("button")).to_have_count(4)
    yield screen
    context.close()


def _look_closer(screen: Screen) -> None:
    """A search, and the last Liquid error pinned."""
    screen.search.fill("order")
    expect(screen.marks.first).to_be_visible()
    failed = screen.log.locator("[data-type=error]").filter(has_text=re.compile("Liquid error")).last
    id_ = failed.get_attribute("data-id")
    screen.entry(str(id_)).get_by_role("button", name=f"Pin entry {id_}").click()
    unpin = screen.page.get_by_role("button", name=f"Unpin entry {id_}", include_hidden=True)  # behind a tab perhaps
    expect(unpin).to_have_count(1)
    if screen.jump.is_visible():
        screen.jump.click()
    expect(screen.entries.last).to_be_in_viewport()
    screen.page.evaluate("() => document.activeElement.blur()")


def _keep(page: Page, path: Path) -> None:
    page.mouse.move(0, 0)
    page.evaluate("() => document.fonts.ready.then(() => scrollTo(0, 0))")
    page.screenshot(path=path, animations="disabled", caret="hide")
    with Image.open(path) as picture:  # its edges have thousands of shades, of which nobody sees more than some
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
    size = path.stat().st_size
    print(f"{path}: {size // 1024} KB", flush=True)
    if size > MOST_BYTES:
        raise SystemExit(f"{path} is larger than {MOST_BYTES // 1024} KB")


if __name__ == "__main__":
    main()
