"""For everyone: the keyboard alone, small screens, dark and light, less motion, and what axe-core finds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.page import install
from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit, in_firefox_too
from tests.page.screen import Screen
from tests.support.install import CannotInstall
from tests.support.need import missing
from tests.support.platformos import PlatformOS
from tests.support.server import REPO, TOKEN, Server

DIAGNOSTIC = {
    "schema_version": 1,
    "message": "undefined filter pricify",
    "stack": [{"path": "app/views/partials/shared/price_tag.liquid", "line": 7}],
}
GRAVE = ("serious", "critical")


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    try:
        return install.axe()
    except CannotInstall as reason:
        missing(str(reason))


def _found(screen: Screen, axe: str) -> list[tuple[str, str, str]]:
    """The grave findings of axe-core: (impact, rule, where)."""
    if not screen.page.evaluate("() => 'axe' in window"):
        screen.page.evaluate(axe)  # by the debugger's way, since the policy lets no other script in
    results: dict[str, Any] = screen.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    assert len(results["passes"]) > 5, "it has looked at nothing"
    return [
        (violation["impact"], violation["id"], f"{node['html'][:200]} {node['failureSummary'][:300]}")
        for violation in results["violations"]
        for node in violation["nodes"]
        if violation["impact"] in GRAVE
    ]


def _settled(screen: Screen) -> None:
    """Wait until nothing fades any more, since half a colour has half a contrast. Endless animations do not count."""
    screen.page.wait_for_function(
        """() => document.getAnimations().every(
          each => each.playState !== "running" || each.effect.getComputedTiming().endTime === Infinity)"""
    )


def _fill(screen: Screen, platformos: PlatformOS) -> None:
    types = ("error", "warn", "info", "debug", "payment-callback", "LiquidError")
    platformos.add(
        *({"error_type": types[n % 6], "message": f"line {n}", "data": {"page": f"p/{n % 3}"}} for n in range(90)),
        {"error_type": "LiquidError", "message": "Liquid error: undefined filter pricify", "data": DIAGNOSTIC},
    )
    expect(screen.entry("91")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave_before_connecting(
    server: Start, visit: Visit, complaints: Complaints, axe: str, scheme: str
) -> None:
    """The page shows the demo's button, then reports a wrong token."""
    complaints.expect("401")
    screen = visit(server(clients=REPO / "clients.json"), color_scheme=scheme)
    expect(screen.button("Try the demo")).to_be_visible()
    _settled(screen)
    assert _found(screen, axe) == []
    screen.token.fill("wrong")
    screen.button("Connect").click()
    expect(screen.connection).to_contain_text("not known")
    _settled(screen)
    assert _found(screen, axe) == []


@pytest.mark.parametrize("size", [(1280, 800), (360, 740)], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave_in_the_log(
    site: Server, platformos: PlatformOS, visit: Visit, axe: str, scheme: str, size: tuple[int, int]
) -> None:
    """There are entries of all types, an alert, unfolded data, a search, a pin, a narrowed view; then the dialog."""
    screen = visit(site, color_scheme=scheme, viewport={"width": size[0], "height": size[1]}).connect()
    _fill(screen, platformos)
    expect(screen.alert).to_be_visible()
    screen.entry("91").get_by_role("button", name="Details of entry 91").click()
    screen.entry("91").get_by_role("button", name="Pin entry 91").click()
    screen.search.fill("line")
    expect(screen.marks.first).to_be_visible()
    screen.button("Next match").click()
    _settled(screen)
    assert _found(screen, axe) == []
    screen.jump.click()
    screen.entry("90").get_by_role("button", name=re.compile("Liquid|error")).first.click()
    screen.button("Pause").click()
    screen.wait_state("paused")
    _settled(screen)
    assert _found(screen, axe) == []
    screen.open_more()
    _settled(screen)
    assert _found(screen, axe) == []
    screen.button("Keyboard shortcuts").click()
    expect(screen.dialog).to_be_visible()
    _settled(screen)
    assert _found(screen, axe) == []


@pytest.mark.parametrize("size", [(1280, 800), (360, 740)], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave_with_several_environments(
    server: Start, platformos: PlatformOS, visit: Visit, axe: str, scheme: str, size: tuple[int, int]
) -> None:
    """Every colour of a badge can be read, of production too, and no row is wider than the log."""
    names = ["staging", "production", "eu-live", *(f"prod-{n}" for n in range(4)), *(f"test-{n}" for n in range(5))]
    started = server(environments=dict.fromkeys(names, platformos))
    platformos.add({"error_type": "error", "message": "broken", "data": {"page": "p"}}, {"message": "one line"})
    screen = visit(started, "#env=*", color_scheme=scheme, viewport={"width": size[0], "height": size[1]}).connect()
    expect(screen.entries).to_have_count(2 * len(names))
    hues = screen.entries.locator("[data-hue]").evaluate_all("all => all.map(each => each.dataset.hue)")
    assert set(hues) == set("012345")
    _settled(screen)
    assert _found(screen, axe) == []
    badge = screen.entries.first.locator("[data-hue]").bounding_box()
    tools = screen.entries.first.get_by_role("button", name=re.compile("^Details")).bounding_box()
    assert badge
    assert tools
    beside = badge["x"] + badge["width"] <= tools["x"] or badge["x"] >= tools["x"] + tools["width"]
    assert beside or badge["y"] >= tools["y"] + tools["height"], "the badge lies over the buttons"
    assert screen.log.evaluate("each => each.scrollWidth <= each.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave_while_disconnected(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints, axe: str, scheme: str
) -> None:
    """The state is shown in words and colour while the server is away."""
    complaints.expect(*AWAY)
    screen = visit(site, color_scheme=scheme).connect()
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    site.stop()
    screen.wait_state("reconnecting")
    _settled(screen)
    assert _found(screen, axe) == []


@in_firefox_too
def test_the_keyboard_connects(site: Server, visit: Visit) -> None:
    """The token's field has the focus; Enter connects."""
    screen = visit(site)
    expect(screen.token).to_be_focused()
    screen.page.keyboard.type(TOKEN)
    screen.page.keyboard.press("Enter")
    screen.wait_state("live")


def _tabbed(screen: Screen, key: str) -> list[str]:
    """The names of the controls that a key reaches from the log on, until it leaves the page; each shows its focus."""
    screen.log.focus()
    reached = ["Log entries"]
    while True:
        screen.page.keyboard.press(key)
        name, seen, out = screen.page.evaluate(
            """() => {
              const on = document.activeElement, style = getComputedStyle(on);
              const label = on.getAttribute("aria-label") ?? on.labels?.[0]?.textContent ?? on.textContent;
              const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
              return [label.trim().replace(/\\s+/g, " "), ring || style.boxShadow !== "none", on === document.body];
            }"""
        )
        if out:
            return reached
        assert seen, f"no focus is seen on {name}"
        assert len(reached) < 100, f"it never comes around: {reached}"
        reached.append(name)


@pytest.mark.parametrize("kind", ["whole"], indirect=True)
def test_the_keyboard_reaches_every_control(screen: Screen, platformos: PlatformOS) -> None:
    """Tab reaches each, with a focus that can be seen."""
    platformos.add({"error_type": "error", "message": "m", "data": {"page": "a/b"}})
    screen.wait_ids(["1"])
    screen.open_more()
    reached = _tabbed(screen, "Shift+Tab") + _tabbed(screen, "Tab")
    told = " | ".join(reached)
    for name in (
        "Environment", "Tool", "Filter", "Forget token", "Search", "Regular expression", "Only matches",
        "Pause", "Clear", "Format", "Download", "Keyboard shortcuts", "Log entries", "Alert after", "Notify me",
    ):  # fmt: skip
        assert name in told, f"{name} is not reached: {told}"


def test_a_question_mark_lists_the_shortcuts_and_escape_leaves(screen: Screen) -> None:
    """The dialog takes the focus and gives it back; every key that it names has a meaning."""
    screen.log.focus()
    screen.page.keyboard.press("?")
    expect(screen.dialog).to_be_visible()
    assert screen.dialog.evaluate("each => each.contains(document.activeElement)")
    terms = screen.dialog.get_by_role("term").all_inner_texts()
    assert len(terms) > 8
    assert len(terms) == len(screen.dialog.get_by_role("definition").all_inner_texts())
    screen.page.keyboard.press("Escape")
    expect(screen.dialog).to_have_count(0)
    expect(screen.log).to_be_focused()
    screen.button("Keyboard shortcuts").click()
    expect(screen.dialog).to_be_visible()
    screen.dialog.get_by_role("button", name="Close").click()
    expect(screen.dialog).to_have_count(0)


def test_a_letter_that_is_typed_is_no_shortcut(screen: Screen, platformos: PlatformOS) -> None:
    """In a field a question mark is text, and p does not pause."""
    screen.search.click()
    screen.page.keyboard.type("?pxc jk")
    expect(screen.search).to_have_value("?pxc jk")
    expect(screen.dialog).to_have_count(0)
    screen.wait_state("live")


@in_firefox_too
def test_entries_are_walked_and_unfolded_by_keys(screen: Screen, platformos: PlatformOS) -> None:
    """Entries are reached, unfolded, pinned and copied without a mouse."""
    platformos.add(*({"message": f"m{n}", "data": {"page": f"p{n}"}} for n in range(1, 6)))
    screen.wait_ids(platformos.ids)
    press = screen.page.keyboard.press
    screen.log.focus()
    press("k")
    first = screen.page.evaluate("() => document.activeElement.dataset.id")
    press("k")
    second = screen.page.evaluate("() => document.activeElement.dataset.id")
    assert int(second) == int(first) - 1
    press("j")
    expect(screen.entry(first)).to_be_focused()
    press("Enter")
    expect(screen.entry(first).get_by_role("button", name=f"Details of entry {first}")).to_have_attribute(
        "aria-expanded", "true"
    )
    press("p")
    expect(screen.region("Pinned entries")).to_contain_text(f"m{first}")


def test_keys_search_pause_and_clear(screen: Screen, platformos: PlatformOS) -> None:
    """The keys work as the dialog says."""
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    screen.log.focus()
    press = screen.page.keyboard.press
    press("/")
    expect(screen.search).to_be_focused()
    press("Escape")
    expect(screen.search).not_to_be_focused()
    screen.log.focus()
    press("Space")
    screen.wait_state("paused")
    press("Space")
    screen.wait_state("live")
    press("x")
    expect(screen.entries).to_have_count(0)
    press("f")
    expect(screen.filter).to_be_focused()


def test_the_log_announces_politely_and_thinned(screen: Screen, platformos: PlatformOS) -> None:
    """A reader of screens hears now and then how much has come, not each of a thousand entries."""
    expect(screen.log).to_have_attribute("aria-live", "polite")
    screen.page.evaluate(
        """() => {
          window.announced = [];
          const quiet = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("[aria-live]");
          new MutationObserver((records) => {
            for (const { target, addedNodes } of records) {
              if (quiet(target)?.getAttribute("aria-live") === "off") continue;
              window.announced.push([...addedNodes].map((each) => each.textContent).join(" ") || target.textContent);
            }
          }).observe(document.querySelector("[role=log]"), { childList: true, characterData: true, subtree: true });
        }"""
    )
    for _ in range(4):
        platformos.add_many(250, message="a line")
        screen.wait_drawn(platformos.ids[-1])
    screen.page.wait_for_function("() => window.announced.length > 0")
    announced = screen.page.evaluate("() => window.announced")
    assert len(announced) <= 12
    assert all(len(each) < 500 for each in announced)


@pytest.mark.parametrize("width", [360, 320, 768])
def test_a_narrow_screen_needs_no_sideways_scrolling(
    site: Server, platformos: PlatformOS, visit: Visit, width: int
) -> None:
    """This holds before connecting, with entries of all kinds, and with the overview; long words break."""
    screen = visit(site, viewport={"width": width, "height": 740})
    assert _overflow(screen) == []
    screen.connect()
    _fill(screen, platformos)
    platformos.add({"message": "w" * 400, "error_type": "e" * 190, "data": {"page": "p/" * 150, "k" * 200: "v" * 300}})
    screen.wait_drawn("92").get_by_role("button", name="Details of entry 92").click()
    screen.entry("92").get_by_role("button", name="Pin entry 92").click()
    assert _overflow(screen) == []
    screen.open_more().button("Keyboard shortcuts").click()
    expect(screen.dialog).to_be_visible()
    assert _overflow(screen) == []
    screen.page.keyboard.press("Escape")
    screen.open_more()
    for name in ("Pause", "Clear", "Download", "Keyboard shortcuts"):
        box = screen.button(re.compile(f"^{name}")).bounding_box()
        assert box is not None
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert box["height"] >= 24, name
    assert screen.log.evaluate("each => each.clientHeight") > 150


def _overflow(screen: Screen) -> list[str]:
    found: list[str] = screen.page.evaluate(
        """() => {
          const wide = document.documentElement.clientWidth;
          const page = document.documentElement.scrollWidth > wide ? ["the page"] : [];
          const log = document.querySelector("[role=log]");
          return log && log.scrollWidth > log.clientWidth ? [...page, "the log"] : page;
        }"""
    )
    return found


def test_the_page_follows_the_systems_light_and_dark(site: Server, visit: Visit) -> None:
    """It follows a change while the page is open, too."""
    screen = visit(site, color_scheme="light")
    light = _ground(screen)
    screen.page.emulate_media(color_scheme="dark")
    dark = _ground(screen)
    assert sum(light) > 600
    assert sum(dark) < 200


def _ground(screen: Screen) -> list[int]:
    colour = screen.page.evaluate(
        """() => {
          const canvas = document.createElement("canvas").getContext("2d");
          const colours = [document.documentElement, document.body].map(each => getComputedStyle(each).backgroundColor);
          canvas.fillStyle = colours.reverse().find(each => each !== "rgba(0, 0, 0, 0)") ?? "white";
          canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )
    return [int(each) for each in colour]


def test_nothing_moves_for_who_wants_less_motion(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """There is no animation and no smooth scrolling, whatever comes."""
    screen = visit(site, reduced_motion="reduce").connect()
    _fill(screen, platformos)
    moving = screen.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(each => {
          const style = getComputedStyle(each);
          const lasts = text => text.split(",").some(part => parseFloat(part) > 0.01);
          return (style.animationName !== "none" && lasts(style.animationDuration))
            || (style.transitionProperty !== "none" && lasts(style.transitionDuration))
            || style.scrollBehavior === "smooth";
        }).map(each => each.outerHTML.slice(0, 100))"""
    )
    assert moving == []


def test_text_can_be_made_twice_as_large(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """At a zoom of 200 % nothing needs sideways scrolling, and the log can still be read."""
    screen = visit(site, viewport={"width": 640, "height": 400}, device_scale_factor=2).connect()
    _fill(screen, platformos)
    assert _overflow(screen) == []
    screen.log.scroll_into_view_if_needed()
    assert screen.log.evaluate("each => each.clientHeight") > 100


def test_a_violation_of_the_policy_would_be_noticed(site: Server, browser: Browser) -> None:
    """Other tests rely on this: markup, code or a style put in from outside is refused, and reported."""
    heard = Complaints()
    context = browser.new_context()
    heard.hear(context)
    screen = Screen(context, site).open()
    for count, attempt in enumerate(
        (
            "document.body.innerHTML = '<b>x</b>'",
            "document.body.setAttribute('style', 'color: red')",
            "new Worker('page/main.js')",
            "document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/x.png'}))",
        ),
        start=1,
    ):
        screen.page.evaluate(f"() => {{ try {{ {attempt} }} catch {{}} }}")
        screen.page.evaluate("() => new Promise(done => setTimeout(done))")
        assert len(heard.unexpected) >= count, (attempt, heard.unexpected)
    context.close()


def test_a_button_says_what_it_does_and_by_which_key(screen: Screen, platformos: PlatformOS) -> None:
    """To who points at it: a newcomer cannot know what Clear takes away, nor that nothing is lost by Pause."""
    for name, key in (
        ("Pause", "Space"),
        ("Clear", "x"),
        ("Keyboard shortcuts", r"\?"),
        (re.compile("^Download"), "d"),
    ):
        expect(screen.button(name)).to_have_attribute("title", re.compile(rf"\w{{3,}} .*\({key}\)"))
    screen.button("Pause").click()
    screen.wait_state("paused")
    expect(screen.button("Resume")).to_have_attribute("title", re.compile(r"^Show .*\(Space\)$"))
    screen.button("Resume").click()
    expect(screen.button("Pause")).to_have_attribute("title", re.compile("^Hold back"))
    platformos.add_many(80)
    screen.wait_ids(platformos.ids)
    screen.scroll_up()
    expect(screen.jump).to_have_attribute("title", re.compile(r"\(G\)$"))


def test_space_ticks_a_box_and_pauses_elsewhere(screen: Screen) -> None:
    """A control that uses a key gets it."""
    screen.checkbox("Only matches").focus()
    screen.page.keyboard.press("Space")
    expect(screen.checkbox("Only matches")).to_be_checked()
    screen.wait_state("live")
    screen.log.focus()
    screen.page.keyboard.press("Space")
    screen.wait_state("paused")
