"""Step: from entry to entry by keys and buttons; the one that the reader is at is current."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

COUNT = 400


def _fill(screen: Screen, platformos: PlatformOS, *, every: int = 100) -> None:
    """Entries 51, 151, 251 and 351 say `boom`, and are errors."""
    platformos.add(
        *({"message": "boom", "error_type": "error"} if n % every == 50 else {"message": f"m{n}"} for n in range(COUNT))
    )
    screen.wait_drawn(str(COUNT))


def _current(screen: Screen) -> str:
    found = screen.log.locator("[aria-current]")
    expect(found).to_have_count(1)
    expect(found).to_be_in_viewport()
    return found.get_attribute("data-id") or ""


def test_keys_go_on_from_what_the_search_has_found(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """After a search, Enter and Escape, `c` copies that entry, `p` pins it, and `j` and `k` begin there."""
    screen = visit(site, permissions=["clipboard-read", "clipboard-write"]).connect()
    _fill(screen, platformos)
    press = screen.page.keyboard.press
    screen.log.focus()
    press("/")
    screen.page.keyboard.type("boom")
    expect(screen.page.get_by_text("4 matches")).to_be_visible()
    press("Enter")
    assert _current(screen) == "351"
    press("Enter")
    assert _current(screen) == "251"
    press("Escape")
    press("c")
    screen.page.wait_for_function("() => navigator.clipboard.readText().then(text => text.includes('boom'))")
    press("p")
    expect(screen.region("Pinned entries")).to_contain_text("boom")
    press("j")
    expect(screen.entry("252")).to_be_focused()
    assert _current(screen) == "252"
    press("k")
    press("k")
    expect(screen.entry("250")).to_be_focused()
    press("n")
    assert _current(screen) == "251"


def test_next_goes_on_from_what_is_on_the_screen(screen: Screen, platformos: PlatformOS) -> None:
    """The reader has scrolled to the top; the next match is the first below, not the newest. Previous goes around."""
    _fill(screen, platformos)
    screen.search.fill("boom")
    expect(screen.page.get_by_text("4 matches")).to_be_visible()
    screen.scroll_up()
    screen.button("Next match").click()
    assert _current(screen) == "51"
    expect(screen.page.get_by_text("1 of 4 matches")).to_be_visible()
    screen.button("Next match").click()
    assert _current(screen) == "151"
    screen.scroll_up()
    screen.button("Previous match").click()
    assert _current(screen) == "351"


def test_e_goes_to_the_next_error_and_shift_e_back(screen: Screen, platformos: PlatformOS) -> None:
    """They need no search. The entry that is reached is current, and other keys act on it."""
    _fill(screen, platformos)
    screen.log.focus()
    press = screen.page.keyboard.press
    press("E")
    assert _current(screen) == "351"
    press("E")
    assert _current(screen) == "251"
    press("e")
    assert _current(screen) == "351"
    press("e")
    assert _current(screen) == "51"
    press("j")
    expect(screen.entry("52")).to_be_focused()


def test_the_current_entry_stays_current_when_the_focus_goes_to_a_control(
    screen: Screen, platformos: PlatformOS
) -> None:
    """A click makes an entry current. The keys act on it after a visit to another control."""
    _fill(screen, platformos)
    screen.entry("395").click()
    screen.search.focus()
    assert _current(screen) == "395"
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.press("k")
    expect(screen.entry("394")).to_be_focused()
    assert _current(screen) == "394"


def test_the_newest_is_where_keys_begin_after_a_jump(screen: Screen, platformos: PlatformOS) -> None:
    """`G` leads to the newest entry, and nothing before is current any more."""
    _fill(screen, platformos)
    screen.log.focus()
    screen.page.keyboard.press("E")
    assert _current(screen) == "351"
    screen.page.keyboard.press("G")
    expect(screen.log.locator("[aria-current]")).to_have_count(0)
    screen.page.keyboard.press("k")
    assert _current(screen) == str(COUNT)
