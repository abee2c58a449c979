"""Read: what an entry looks like, and that log text stays text."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from tests.page.conftest import Visit, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.rows import MISSING
from tests.support.server import Server

DIAGNOSTIC: dict[str, Any] = {
    "schema_version": 1,
    "type": "LiquidError",
    "message": "undefined filter pricify",
    "stack": [
        {"path": "app/views/partials/shared/price_tag.liquid", "line": 7},
        {"path": "app/views/pages/products/show.liquid", "line": 31},
    ],
    "source_span": "{{ product.price | pricify: 'EUR' }}",
    "context": {"url": "https://shop.example/products/mug", "user": {"email": "ana@example.com"}},
}
TRICK = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"


def test_a_time_is_local_and_utc_on_hover(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """A reader in New York sees seven o'clock, and noon UTC on hover."""
    platformos.add({"created_at": "2024-01-15T12:34:56Z"})
    screen = visit(site, timezone_id="America/New_York").connect()
    time = screen.wait_drawn("1").get_by_role("time")
    expect(time).to_contain_text("07:34:56")
    expect(time).to_have_attribute("title", re.compile(r"12:34:56.*UTC"))
    expect(time).to_have_attribute("datetime", "2024-01-15T12:34:56.000Z")


def test_a_type_is_a_word_and_a_colour(screen: Screen, platformos: PlatformOS) -> None:
    """Each of the four is named, in a colour of its own."""
    types = ["error", "warn", "info", "debug"]
    platformos.add(*({"error_type": each, "message": "m"} for each in types))
    screen.wait_ids(platformos.ids)
    colours = set()
    for id_, type_ in zip(platformos.ids, types, strict=True):
        word = screen.entry(id_).get_by_role("button", name=re.compile(rf"\b{type_}\b")).first
        expect(word).to_contain_text(type_)
        colours.add(word.evaluate("each => getComputedStyle(each).color"))
    assert len(colours) == len(types)


def test_an_error_type_of_its_own_is_told_beside_the_type(screen: Screen, platformos: PlatformOS) -> None:
    """`payment-callback` is an info, and says so."""
    platformos.add({"error_type": "payment-callback"})
    expect(screen.wait_drawn("1")).to_contain_text("info")
    expect(screen.entry("1")).to_contain_text("payment-callback")


def test_a_message_is_monospace_with_its_line_breaks(screen: Screen, platformos: PlatformOS) -> None:
    """Lines and their indents stand as they were written."""
    platformos.add({"message": "total:\n    18.00 EUR\n\ttabbed"})
    entry = screen.wait_drawn("1")
    assert "total:\n    18.00 EUR\n\ttabbed" in entry.inner_text()
    message = entry.get_by_text("total:")
    assert "mono" in message.evaluate("each => getComputedStyle(each).fontFamily").lower()
    assert message.evaluate("each => getComputedStyle(each).whiteSpace").startswith(("pre", "break-spaces"))


@in_firefox_too
def test_data_is_whole_at_one_click(screen: Screen, platformos: PlatformOS) -> None:
    """All of its values are there, so the browser's own search finds them; a click folds a part, another one all."""
    data = {"url": "https://shop.example/cart", "user": {"email": "ana@example.com"}, "n": 3, "on": True, "no": None}
    platformos.add({"data": {**data, "items": [{"sku": "mug"}, "b"]}}, {"data": {}})
    details = screen.wait_drawn("1").get_by_role("button", name="Details of entry 1", exact=True)
    expect(screen.wait_drawn("2").get_by_role("button", name="Details of entry 2")).to_have_count(0)
    expect(details).to_have_attribute("aria-expanded", "false")
    details.click()
    expect(details).to_have_attribute("aria-expanded", "true")
    entry = screen.entry("1")
    for text in ("https://shop.example/cart", "3", "true", "null", "ana@example.com", "mug", "b"):
        expect(entry.get_by_text(text, exact=True)).to_be_visible()
    entry.get_by_text("user:").click()
    expect(entry.get_by_text("ana@example.com", exact=True)).to_be_hidden()
    details.click()
    expect(entry.get_by_text("https://shop.example/cart")).to_have_count(0)


def test_large_data_is_folded_with_a_preview(screen: Screen, platformos: PlatformOS) -> None:
    """Of more than some fifty values only the outer ones are shown, and what the others begin with."""
    order = {"sku": "mug", "lines": [{"n": n} for n in range(60)]}
    platformos.add({"data": {"url": "https://shop.example", "order": order}})
    screen.wait_drawn("1").get_by_role("button", name="Details of entry 1", exact=True).click()
    entry = screen.entry("1")
    expect(entry.get_by_text("https://shop.example", exact=True)).to_be_visible()
    expect(entry.get_by_text("sku: mug, lines: …")).to_be_visible()
    expect(entry.get_by_text("mug", exact=True)).to_have_count(0)
    entry.get_by_text("order:").click()
    expect(entry.get_by_text("mug", exact=True)).to_be_visible()


def test_a_match_inside_data_opens_it_and_is_marked(screen: Screen, platformos: PlatformOS) -> None:
    """Stepping to it is enough, however deep it lies, also in what is too large to be shown at once."""
    large = {f"k{n}": n for n in range(200)}
    platformos.add(
        {"message": "one", "data": {"user": {"list": [1, {"deep": "a Needle here"}]}}},
        {"message": "two", "data": {"large": large, "other": {"inner": {"last": "needle"}}}},
        {"message": "three"},
    )
    screen.wait_ids(["1", "2", "3"])
    screen.search.fill("needle")
    screen.search.press("Enter")
    expect(screen.entry("2").locator("mark")).to_have_text(["needle"])
    expect(screen.entry("2").locator("mark")).to_be_visible()
    screen.search.press("Enter")
    expect(screen.entry("1").locator("mark")).to_have_text(["Needle"])
    expect(screen.entry("1").locator("mark")).to_be_visible()
    screen.search.fill("")
    expect(screen.marks).to_have_count(0)
    expect(screen.entry("1").get_by_text("a Needle here")).to_be_visible()


def test_a_liquid_diagnostic_reads_as_a_compiler_writes(screen: Screen, platformos: PlatformOS) -> None:
    """It shows path:line and message, then the rest of the stack."""
    platformos.add(
        {"error_type": "LiquidError", "message": "Liquid error: undefined filter pricify", "data": DIAGNOSTIC}
    )
    text = screen.wait_drawn("1").inner_text()
    places = ["app/views/partials/shared/price_tag.liquid:7", "app/views/pages/products/show.liquid:31"]
    assert text.index(places[0]) < text.index("undefined filter pricify") < text.index(places[1])


ODD_DIAGNOSTICS: tuple[dict[str, Any], ...] = (
    {"stack": None},
    {"stack": "app/x.liquid"},
    {"stack": [None, 7, {"path": 5}, {"line": 3}]},
    {"stack": [{"path": "app/x.liquid"}]},
    {"stack": [{"path": "app/x.liquid", "line": "nine"}]},
    {"message": {"deep": [1]}},
    {"schema_version": 2},
)


def test_a_diagnostic_that_is_none_harms_nothing(screen: Screen, platformos: PlatformOS) -> None:
    """Whatever is in the place of a stack, the message is shown, and the log goes on."""
    for number, odd in enumerate(ODD_DIAGNOSTICS, 1):
        text = f"Liquid error {number}: oops"
        platformos.add({"error_type": "LiquidError", "message": text, "data": {**DIAGNOSTIC, **odd}})
        expect(screen.wait_drawn(str(number))).to_contain_text(text)
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)


def test_markup_is_text_wherever_it_stands(screen: Screen, platformos: PlatformOS) -> None:
    """It is shown as it was written. No element is made of it, and nothing runs."""
    rows: list[dict[str, Any]] = [
        {"message": TRICK},
        {"error_type": TRICK},
        {"data": {TRICK: 1}},
        {"data": {"v": TRICK}},
        {"data": {**DIAGNOSTIC, "message": TRICK}},
        {"data": {**DIAGNOSTIC, "stack": [{"path": TRICK, "line": 1}, {"path": TRICK, "line": 2}]}},
        {"data": {"page": TRICK, "partial": TRICK}},
    ]
    platformos.add(*({"message": f"{number} m", "error_type": "error", **row} for number, row in enumerate(rows)))
    screen.wait_ids(platformos.ids)
    for id_, row in zip(platformos.ids, rows, strict=True):
        entry = screen.entry(id_)
        if "data" in row:
            entry.get_by_role("button", name=f"Details of entry {id_}").click()
        entry.get_by_role("button", name=f"Pin entry {id_}").click()
        expect(screen.page.get_by_role("button", name=f"Unpin entry {id_}").first).to_be_visible()
        expect(entry.get_by_text("<img src=x", exact=False).first).to_be_visible()
        assert screen.page.locator("main img, aside img, script:not([src])").count() == 0, row
        assert "hacked" not in screen.page.title(), row


def test_escape_sequences_are_shown_not_played(screen: Screen, platformos: PlatformOS) -> None:
    """Terminal colours, bells, backspaces and carriage returns are shown as their codes."""
    platformos.add({"message": "\x1b[31mred\x1b[0m \x07 a\x08b \x7f \x9b1m one\rtwo", "error_type": "er\x1bror"})
    entry = screen.wait_drawn("1")
    for text in (r"\x1b[31mred\x1b[0m", r"\x07", r"a\x08b", r"\x7f", r"\x9b1m", r"one\x0dtwo", r"er\x1bror"):
        expect(entry).to_contain_text(text)
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", entry.inner_text()) is None


def test_no_sign_turns_text_around_or_hides(screen: Screen, platformos: PlatformOS) -> None:
    """Bidi controls and signs without a shape are shown as their codes, in messages and in data."""
    signs = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u2060\ufeff\u2028\u2029"
    platformos.add({"message": f"pay {signs}txt.exe", "data": {f"k{signs}": f"v{signs}"}})
    entry = screen.wait_drawn("1")
    entry.get_by_role("button", name="Details of entry 1").click()
    text = entry.inner_text()
    assert not set(signs) & set(text)
    for sign in signs:
        assert text.count(f"\\u{ord(sign):04x}") == 3, hex(ord(sign))


def test_joiners_stay_in_words_and_pictures(screen: Screen, platformos: PlatformOS) -> None:
    """A family, the flag of England, Persian and Hindi are whole, and as wide as that."""
    family = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
    england = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    text = f"{family} {england} \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937"
    platformos.add({"message": text, "data": {"page": text}})
    expect(screen.wait_drawn("1")).to_contain_text(text)
    assert "\\u" not in screen.entry("1").inner_text()


def test_text_from_right_to_left_stays_in_its_message(screen: Screen, platformos: PlatformOS) -> None:
    """Hebrew and Arabic need no control sign: what comes before and after the message keeps its place."""
    platformos.add({"message": "שלום 123 عالم", "error_type": "error"})
    entry = screen.wait_drawn("1")
    expect(entry).to_contain_text("שלום 123 عالم")
    time, tools = (
        entry.get_by_role("time").bounding_box(),
        entry.get_by_role("button", name="Copy entry 1").bounding_box(),
    )
    assert time is not None
    assert tools is not None
    assert time["x"] < tools["x"]


def test_a_huge_message_is_drawn_in_part_and_whole_at_a_click(screen: Screen, platformos: PlatformOS) -> None:
    """Two MiB do not stop the page. The rest of the message is drawn at a click."""
    platformos.add({"message": "start " + "x" * 2_000_000 + " end"}, {"message": "next"})
    expect(screen.wait_drawn("2")).to_contain_text("next")
    entry = screen.entry("1")
    assert len(entry.text_content() or "") < 100_000
    entry.get_by_role("button", name=re.compile("all .*characters")).click()
    expect(entry).to_contain_text(" end")
    entry.get_by_role("button", name="less", exact=True).click()
    expect(entry).not_to_contain_text(" end")


def test_deep_and_wide_data_do_not_stop_the_page(screen: Screen, platformos: PlatformOS) -> None:
    """Two hundred levels and ten thousand members cost nothing folded, and unfolded only what is shown."""
    deep: Any = "bottom"
    for _ in range(200):
        deep = {"d": deep}
    platformos.add({"data": {"deep": deep, "wide": {f"k{n}": n for n in range(10_000)}}})
    entry = screen.wait_drawn("1")
    entry.get_by_role("button", name="Details of entry 1").click()
    entry.get_by_text("wide:").click()
    expect(entry.get_by_text("k0:", exact=False).first).to_be_visible()
    assert entry.locator("*").count() < 5000
    platformos.add_many(1)
    screen.jump.click()
    screen.wait_drawn("2")


ODD_ROWS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"message": {"order": 5, "paid": True}}, '{"order":5,"paid":true}'),
    ({"message": None, "error_type": "cart"}, "cart"),
    ({"message": MISSING, "error_type": MISSING, "data": MISSING}, "error"),
    ({"message": "Café 茶筒 👩‍🍳 Łódź"}, "Café 茶筒"),
    ({"message": "", "error_type": ""}, ""),
    ({"data": {"__proto__": {"x": 1}, "constructor": 2}}, "row 6"),
)


def test_odd_rows_are_shown(screen: Screen, platformos: PlatformOS) -> None:
    """Missing values and values other than text are shown plainly, and the log goes on."""
    for number, (row, text) in enumerate(ODD_ROWS, 1):
        platformos.add(row)
        expect(screen.wait_drawn(str(number))).to_contain_text(text)
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)


def test_nothing_in_an_entry_leads_away(screen: Screen, platformos: PlatformOS) -> None:
    """No link is made of what others wrote."""
    platformos.add({"message": "javascript:alert(1) https://evil.example", "data": {"url": "javascript:alert(1)"}})
    screen.wait_drawn("1").get_by_role("button", name="Details of entry 1").click()
    expect(screen.log.get_by_role("link")).to_have_count(0)
