"""Several: the logs of several environments at once."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from playwright.sync_api import TimeoutError as Late

from tests.hosts.elsewhere import Elsewhere
from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit, Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

Seen = list[tuple[str, str]]  # each entry's environment and id
NEWS = "#news"


def _at(second: int, message: str = "m", type_: str = "info") -> dict[str, Any]:
    return {"created_at": f"2024-01-01T12:00:{second:02}Z", "message": message, "error_type": type_}


def _seen(screen: Screen) -> Seen:
    found = screen.entries.evaluate_all("all => all.map(each => [each.dataset.env, each.dataset.id])")
    return [(env, id_) for env, id_ in found]


def _row(screen: Screen, env: str, id_: str) -> Locator:
    return screen.log.locator(f'[data-id="{id_}"][data-env="{env}"]')


def _wait_each(screen: Screen, **sites: PlatformOS) -> None:
    """Wait until all entries of these environments are drawn, once each and each environment's in its own order."""
    for name, site in sites.items():
        for id_ in site.ids:
            expect(_row(screen, name, id_)).to_have_count(1)
    seen = _seen(screen)
    assert len(seen) == sum(len(site.ids) for site in sites.values())
    for name, site in sites.items():
        assert [id_ for env, id_ in seen if env == name] == site.ids


def _wait_begun(screen: Screen, name: str, site: PlatformOS) -> str:
    """Log until an entry is drawn; its id. An environment that joins begins once the end of its log has been found."""
    drawn = screen.log.locator(f'[data-env="{name}"]')
    for _ in range(20):
        site.add_many(1)
        with contextlib.suppress(Late):
            drawn.first.wait_for(timeout=3_000)
            break
    return str(drawn.first.get_attribute("data-id"))


@pytest.fixture
def preview() -> Iterator[PlatformOS]:
    """A third environment."""
    with PlatformOS() as stand_in:
        yield stand_in


def test_all_environments_are_an_option_that_says_which(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """What was there comes by time, what follows as it comes. Same ids are two entries, and each names its own."""
    platformos.add(_at(1), _at(4))
    production.add(_at(2), _at(3))
    screen = visit(site).connect()
    every = screen.environment.locator("option").last
    expect(every).to_have_text("All (2)")
    expect(every).to_have_attribute("title", "staging, production")
    expect(screen.log.get_by_text("staging", exact=True)).to_have_count(0)

    screen.environment.select_option("*")
    expect(screen.page.get_by_text("All environments are staging and production.")).to_be_visible()
    expect(screen.entries).to_have_count(4)
    assert _seen(screen) == [("staging", "1"), ("production", "1"), ("production", "2"), ("staging", "2")]
    for env in ("staging", "production"):
        expect(_row(screen, env, "1").get_by_text(env, exact=True)).to_be_visible()
    assert screen.fragment.startswith("env=*")

    production.add(_at(5), _at(6))
    platformos.add(_at(7))
    _wait_each(screen, staging=platformos, production=production)
    assert site.streams_open() == 1

    screen.environment.select_option("staging")
    screen.wait_ids(platformos.ids)
    expect(screen.log.get_by_text("staging", exact=True)).to_have_count(0)


@pytest.mark.parametrize("link", ["*", "staging,production"])
@in_firefox_too
def test_a_link_to_several_environments_is_kept(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit, link: str
) -> None:
    """The link stays through a reload, and the box says what is read."""
    platformos.add_many(3)
    production.add_many(2)
    screen = visit(site, f"#env={link}").connect()
    for _ in range(2):
        _wait_each(screen, staging=platformos, production=production)
        assert screen.environment.input_value() == link
        assert screen.fragment.startswith(f"env={link}&")
        screen.page.reload()
    expected = "All (2)" if link == "*" else "staging, production"
    expect(screen.environment.locator("option:checked")).to_have_text(expected)


def test_a_link_names_what_is_not_there(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """The others are read."""
    production.add_many(2)
    screen = visit(site, "#env=gone,production").connect()
    screen.wait_ids(production.ids)
    expect(
        screen.page.get_by_text("The link asks for the environment gone, which is not available here")
    ).to_be_visible()
    assert screen.environment.input_value() == "production"
    assert platformos.requests == []


def test_one_environment_alone_is_not_all(server: Start, platformos: PlatformOS, visit: Visit) -> None:
    """There is no such option, and a link that asks for all of them says so."""
    platformos.add_many(2)
    screen = visit(server(environments={"staging": platformos}), "#env=*").connect()
    screen.wait_ids(platformos.ids)
    expect(screen.environment.locator("option")).to_have_text(["staging"])
    expect(screen.page.get_by_text("The link asks for all environments together")).to_be_visible()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_cut_loses_and_repeats_nothing_of_either(
    site: Server,
    platformos: PlatformOS,
    production: PlatformOS,
    visit: Visit,
    complaints: Complaints,
    how: signal.Signals,
) -> None:
    """Before, meanwhile and after: also where one of them is quiet."""
    complaints.expect(*AWAY)
    screen = visit(site, "#env=*").connect()
    platformos.add_many(5)
    _wait_each(screen, staging=platformos, production=production)
    site.signal(how)
    site.wait_exit()
    site.stop()
    screen.wait_state("reconnecting")
    platformos.add_many(3)
    production.add_many(4)
    site.start()
    screen.wait_state("live")
    production.add_many(2)
    _wait_each(screen, staging=platformos, production=production)


def test_an_outage_names_its_environment_and_outlasts_the_entries_of_another(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """It is over with the next entry of its own."""
    platformos.add_many(1)
    screen = visit(site, "#env=*").connect()
    expect(screen.entries).to_have_count(1)
    platformos.fail("status", status=500)
    trouble = re.compile(r"live, but .*environment staging")
    expect(screen.connection).to_have_text(trouble)
    production.add_many(2)
    expect(screen.entries).to_have_count(3)
    expect(screen.connection).to_have_text(trouble)
    platformos.heal()
    platformos.add_many(1)
    _wait_each(screen, staging=platformos, production=production)
    expect(screen.connection).not_to_contain_text("but")


def test_environments_that_come_and_go_are_told_of(
    site: Server, platformos: PlatformOS, production: PlatformOS, preview: PlatformOS, visit: Visit
) -> None:
    """The option counts anew. The log goes on meanwhile."""
    platformos.add_many(1)
    screen = visit(site, "#env=*").connect()
    expect(screen.entries).to_have_count(1)
    site.write_pos({"staging": platformos, "production": production, "preview": preview})
    expect(screen.page.locator(NEWS)).to_contain_text("environment preview joined")
    expect(screen.environment.locator("option:checked")).to_have_text("All (3)")
    first = _wait_begun(screen, "preview", preview)
    production.add_many(1)
    expect(_row(screen, "production", "1")).to_have_count(1)
    expect(_row(screen, "preview", first).get_by_text("preview", exact=True)).to_be_visible()

    site.write_pos({"staging": platformos, "preview": preview})
    expect(screen.page.locator(NEWS)).to_contain_text("environment production left")
    expect(screen.page.get_by_text("All environments are staging and preview.")).to_be_visible()
    preview.add_many(1)
    expect(_row(screen, "preview", preview.ids[-1])).to_have_count(1)
    assert [id_ for env, id_ in _seen(screen) if env == "preview"] == preview.ids[preview.ids.index(first) :]
    assert [entry for entry in _seen(screen) if entry[0] != "preview"] == [("staging", "1"), ("production", "1")]


def test_tabs_share_the_stream_of_all(
    site: Server, platformos: PlatformOS, production: PlatformOS, window: Window
) -> None:
    """A second tab gets what came before, and goes on when the first is closed."""
    context = window()
    platformos.add(_at(1), _at(3))
    production.add(_at(2))
    first, second = (Screen(context, site).open("#env=*").connect() for _ in range(2))
    for tab in (first, second):
        _wait_each(tab, staging=platformos, production=production)
        assert [env for env, _ in _seen(tab)] == ["staging", "production", "staging"]
    assert site.streams_open() == 1
    first.page.close()
    production.add_many(2)
    platformos.add_many(1)
    _wait_each(second, staging=platformos, production=production)


def test_the_filter_knows_environments(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """What is there is narrowed at once, and what comes; without the filter all is back in its place."""
    platformos.add(_at(1), _at(3, type_="error"))
    production.add(_at(2, type_="error"), _at(4))
    screen = visit(site, "#env=*").connect()
    expect(screen.entries).to_have_count(4)
    screen.set_filter("env:production type:error")
    expect(screen.entries).to_have_count(1)
    assert _seen(screen) == [("production", "1")]
    platformos.add(_at(5, type_="error"))
    production.add(_at(6, type_="error"))
    expect(_row(screen, "production", "3")).to_have_count(1)
    assert _seen(screen) == [("production", "1"), ("production", "3")]
    screen.set_filter("")
    _wait_each(screen, staging=platformos, production=production)


def test_the_same_id_is_pinned_searched_and_saved_twice(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """A pin is of one of the two. The file names the environment of each."""
    platformos.add(_at(1, "order 7 failed", "error"))
    production.add(_at(2, "order 8 failed", "error"))
    screen = visit(site, "#env=*").connect()
    expect(screen.entries).to_have_count(2)
    screen.search.fill("order")
    expect(screen.page.get_by_text("2 matches")).to_be_visible()
    expect(screen.region("Errors by kind").get_by_role("button")).to_have_text(re.compile("2×"))

    for env in ("staging", "production"):
        _row(screen, env, "1").get_by_role("button", name=f"Pin entry 1 of {env}").click()
    pinned = screen.region("Pinned entries")
    expect(pinned.get_by_role("listitem")).to_have_count(2)
    pinned.get_by_role("button", name="Unpin entry 1 of staging").click()
    expect(pinned.get_by_role("listitem")).to_have_text(re.compile("order 8"))
    pressed = {"staging": "false", "production": "true"}
    for env, state in pressed.items():
        pin = _row(screen, env, "1").get_by_role("button", name=f"Pin entry 1 of {env}")
        expect(pin).to_have_attribute("aria-pressed", state)

    screen.open_more().page.get_by_role("combobox", name="Format", exact=True).select_option(label="CSV")
    with screen.page.expect_download() as begun:
        screen.download.click()
    assert begun.value.suggested_filename.startswith("poslogs-all-")
    text = Path(begun.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["env"], row["id"]) for row in rows] == [("staging", "1"), ("production", "1")]


def test_production_is_plain_to_see(site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit) -> None:
    """Its badge is filled with its colour, that of another is a frame."""
    platformos.add(_at(1))
    production.add(_at(2))
    screen = visit(site, "#env=*").connect()
    expect(screen.entries).to_have_count(2)
    grounds = {}
    for env in ("staging", "production"):
        badge = _row(screen, env, "1").get_by_text(env, exact=True)
        title = "Environment production, by its name production" if env == "production" else "Environment staging"
        expect(badge).to_have_attribute("title", title)
        grounds[env] = badge.evaluate(
            "each => [getComputedStyle(each).backgroundColor, getComputedStyle(each).borderTopColor]"
        )
    assert grounds["production"][0] == grounds["production"][1]
    assert grounds["staging"][0] != grounds["staging"][1]


def test_several_environments_where_no_stream_is_held(
    platformos: PlatformOS, production: PlatformOS, visit: Visit, complaints: Complaints, tmp_path: Path
) -> None:
    """They are asked for together, each entry comes once, and a reload keeps them."""
    complaints.expect("503")
    platformos.add(_at(1), _at(3))
    production.add(_at(2))
    with ExitStack() as stack:
        host = stack.enter_context(
            Elsewhere(tmp_path, "gunicorn", platformos, "-k", "sync", "--workers", "3", start=False)
        )
        host.write_pos({"staging": platformos, "production": production})
        host.start()
        screen = visit(host, "#env=*").connect(state="asking")
        expect(screen.entries).to_have_count(3, timeout=60_000)
        assert [env for env, _ in _seen(screen)] == ["staging", "production", "staging"]
        platformos.add(_at(4))
        production.add(_at(5))
        expect(screen.entries).to_have_count(5, timeout=60_000)
        _wait_each(screen, staging=platformos, production=production)
        screen.page.reload()
        screen.wait_state("asking")
        expect(screen.entries).to_have_count(5, timeout=60_000)
        assert screen.environment.input_value() == "*"
