"""Find: the server's filter, the search in what is here, narrowing at a click, and a link to it all."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import expect

from tests.page.complaints import Complaints
from tests.page.conftest import Visit, Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server

MIXED = ("error", "info", "LiquidError", "warn", "payment-callback", "info")


def _add(platformos: PlatformOS, *types: str) -> list[str]:
    return [str(id_) for id_ in platformos.add(*({"error_type": each, "message": f"a {each}"} for each in types))]


def test_a_filter_acts_on_enter_and_what_does_not_match_leaves(screen: Screen, platformos: PlatformOS) -> None:
    """It matches types and error types. The server filters what comes."""
    _add(platformos, *MIXED)
    screen.wait_ids(platformos.ids)
    screen.filter.fill("error")
    assert len(screen.ids) == 6
    with screen.page.expect_request(lambda request: "call" in request.url) as asked:
        screen.filter.press("Enter")
    assert asked.value.post_data_json["input"]["filter"] == "error"
    screen.wait_ids(["1", "3"])
    _add(platformos, "info", "error")
    screen.wait_ids(["1", "3", "8"])
    screen.wait_state("live")


@in_firefox_too
def test_an_empty_filter_shows_all_again(screen: Screen, platformos: PlatformOS) -> None:
    """It shows what the filter had left out, too, as far as the server still has it."""
    _add(platformos, *MIXED)
    screen.set_filter("warn")
    screen.wait_ids(["4"])
    screen.set_filter("")
    screen.wait_ids(platformos.ids)
    _add(platformos, "info")
    screen.wait_ids(platformos.ids)


def test_what_a_wider_filter_lets_in_stands_in_order(screen: Screen, platformos: PlatformOS) -> None:
    """The filter changes again and again while rows arrive, by the stream or by a fetch."""
    for _ in range(6):
        _add(platformos, *MIXED)
        screen.set_filter("warn")
        _add(platformos, "warn", "info")
        screen.wait_ids([str(id_) for id_, row in platformos.rows.items() if row["error_type"] == "warn"])
        screen.set_filter("")
        screen.wait_ids(platformos.ids)


def test_one_filter_after_another_leaves_what_each_keeps(screen: Screen, platformos: PlatformOS) -> None:
    """From errors to warnings, both are complete."""
    _add(platformos, *MIXED, *MIXED)
    screen.set_filter("error")
    screen.wait_ids(["1", "3", "7", "9"])
    screen.set_filter("warn")
    screen.wait_ids(["4", "10"])


@pytest.mark.parametrize("text", ["liquiderror", "LIQUIDERROR", "payment-callback"])
def test_a_filter_takes_an_error_type_in_any_case(screen: Screen, platformos: PlatformOS, text: str) -> None:
    """The filter must be the whole error type."""
    ids = _add(platformos, *MIXED)
    screen.wait_ids(ids)
    screen.set_filter(text)
    screen.wait_ids([ids[2] if text.lower() == "liquiderror" else ids[4]])
    expect(screen.filter).to_have_value(f"type:{text}")
    screen.set_filter(f"type:{text[:-1]}")
    screen.wait_ids([])


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("type:error,warn -message:liquid", ["1", "4"]),
        ('"a warn" type:warn', ["4"]),
        ("/^a (warn|error)$/", ["1", "4"]),
        ("/(a+)+$|.*warn/", ["4"]),
        ("-type:error,warn,payment-callback -/nothing/", ["2", "6"]),
    ],
)
def test_a_query_keeps_what_it_holds_for(screen: Screen, platformos: PlatformOS, query: str, kept: list[str]) -> None:
    """Of what was there, of what comes, and after it as before; the server is asked with the same text."""
    platformos.add(*({"error_type": kind, "message": f"a {kind}"} for kind in MIXED))
    screen.wait_ids(platformos.ids)
    with screen.page.expect_request("**/call-stream") as asked:
        screen.set_filter(query)
    input_ = asked.value.post_data_json["input"]
    assert (input_.get("query"), "filter" in input_) == (query, False)
    screen.wait_ids(kept)
    platformos.add(*({"error_type": kind, "message": f"a {kind}"} for kind in MIXED))
    screen.wait_ids([*kept, *(str(int(id_) + len(MIXED)) for id_ in kept)])
    screen.set_filter("")
    screen.wait_ids(platformos.ids)


def test_an_expression_that_would_hold_up_the_page_is_left_to_the_server(
    screen: Screen, platformos: PlatformOS
) -> None:
    """JavaScript's engine backtracks for hours; RE2 does not, and it answers."""
    platformos.add({"message": "a" * 60 + "b"}, {"message": "aaa"})
    screen.wait_ids(platformos.ids)
    screen.set_filter("/^(a+)+$/")
    screen.wait_ids(["2"])
    screen.wait_state("live")


def test_a_query_that_is_not_understood_is_told_and_changes_nothing(screen: Screen, platformos: PlatformOS) -> None:
    """The sentence has its place; the link keeps what was understood."""
    _add(platformos, *MIXED)
    screen.set_filter("type:error")
    screen.wait_ids(["1", "3"])
    screen.set_filter("type:error typ:warn")
    told = screen.page.get_by_text("`query`, column 12: there is no field `typ`; write `type:`")
    expect(told).to_be_visible()
    expect(screen.filter).to_have_attribute("aria-invalid", "true")
    expect(screen.page).to_have_url(re.compile("query=type%3Aerror$"))
    screen.wait_ids(["1", "3"])
    screen.set_filter("type:error,warn")
    expect(told).to_be_hidden()
    screen.wait_ids(["1", "3", "4"])


@in_firefox_too
def test_a_search_marks_and_counts_what_is_here(screen: Screen, platformos: PlatformOS) -> None:
    """Plain text is found in any case, at every place, and in what comes later."""
    platformos.add({"message": "Order 5 and ORDER 6"}, {"message": "nothing"}, {"message": "an order"})
    screen.wait_ids(platformos.ids)
    screen.search.fill("order")
    expect(screen.marks).to_have_text(["Order", "ORDER", "order"])
    platformos.add({"message": "one more order"})
    expect(screen.marks).to_have_count(4)
    assert screen.ids == platformos.ids
    expect(screen.page.get_by_role("search").or_(screen.page.locator("output")).last).to_contain_text(
        re.compile("[34]")
    )
    screen.search.fill("")
    expect(screen.marks).to_have_count(0)


def test_only_matches_hides_the_rest(screen: Screen, platformos: PlatformOS) -> None:
    """It hides entries without a match, later ones too, and shows them again."""
    platformos.add({"message": "order 1"}, {"message": "nothing"}, {"message": "order 3"})
    screen.wait_ids(platformos.ids)
    screen.search.fill("order")
    screen.checkbox("Only matches").check()
    screen.wait_ids(["1", "3"])
    platformos.add({"message": "nothing"}, {"message": "order 5"})
    screen.wait_ids(["1", "3", "5"])
    screen.checkbox("Only matches").uncheck()
    screen.wait_ids(platformos.ids)


def test_what_was_found_stays_where_others_leave(screen: Screen, platformos: PlatformOS) -> None:
    """A filter lets go of what is not wanted, and the matches among the rest are on the screen all the while."""
    _add(platformos, *MIXED)
    screen.wait_ids(platformos.ids)
    screen.search.fill("error")
    screen.checkbox("Only matches").check()
    screen.wait_ids(["1", "3"])
    screen.page.evaluate(
        """() => {
          const rows = document.getElementById("rows");
          window.drawn = [];
          new MutationObserver(() => window.drawn.push(rows.children.length)).observe(rows, { childList: true });
        }"""
    )
    screen.set_filter("-type:info")
    expect(screen.page.get_by_text("3 entries held")).to_be_visible()
    screen.wait_ids(["1", "3"])
    assert set(screen.page.evaluate("() => window.drawn")) <= {2}


@in_firefox_too
def test_the_search_steps_through_what_it_finds(screen: Screen, platformos: PlatformOS) -> None:
    """It goes back and forth, and brings each into view, however far. Enter and Shift+Enter do the same."""
    platformos.add(*({"message": "needle" if n % 100 == 50 else f"hay {n}"} for n in range(400)))
    screen.wait_drawn("400")
    screen.search.fill("needle")
    needles = ["51", "151", "251", "351"]
    expect(screen.page.get_by_text(re.compile(r"\b4\b.*")).first).to_be_visible()
    seen = []
    for _ in range(4):
        screen.button("Previous match").click()
        seen.append(_current(screen, needles))
    assert sorted(seen) == sorted(needles)
    order = needles[::-1]
    start = order.index(seen[0])
    assert seen == order[start:] + order[:start]
    screen.button("Next match").click()
    assert _current(screen, needles) == seen[-2]


def _current(screen: Screen, among: list[str]) -> str:
    screen.page.wait_for_function(
        """ids => ids.some(id => {
          const each = document.querySelector(`[role=log] [data-id="${id}"]`);
          if (!each) return false;
          const [box, frame] = [each, document.querySelector("[role=log]")].map(it => it.getBoundingClientRect());
          return box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
        })""",
        arg=among,
    )
    inside = screen.log.evaluate(
        """(log, ids) => ids.filter(id => {
          const each = log.querySelector(`[data-id="${id}"]`);
          if (!each) return false;
          const [box, frame] = [each, log].map(it => it.getBoundingClientRect());
          return box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
        })""",
        among,
    )
    assert len(inside) == 1
    return str(inside[0])


def test_plain_text_is_no_expression(screen: Screen, platformos: PlatformOS) -> None:
    """Signs with a meaning in expressions stand for themselves."""
    platformos.add({"message": "price (EUR) [1] a.b $5 ^ \\d"}, {"message": "axb"})
    screen.wait_ids(platformos.ids)
    for text in ("(EUR)", "a.b", "$5", "\\d", "[1]"):
        screen.search.fill(text)
        expect(screen.marks).to_have_text([text])


def test_a_regular_expression_finds_and_marks(screen: Screen, platformos: PlatformOS) -> None:
    """It does so when the box for expressions is checked."""
    platformos.add({"message": "order #1234 in 56 ms"}, {"message": "nothing"})
    screen.wait_ids(platformos.ids)
    screen.checkbox("Regular expression").check()
    screen.search.fill(r"#\d+")
    expect(screen.marks).to_have_text(["#1234"])
    screen.search.fill(r"\d+ ms$")
    expect(screen.marks).to_have_text(["56 ms"])


@in_firefox_too
def test_case_is_ignored_by_both_kinds_of_search(screen: Screen, platformos: PlatformOS) -> None:
    """One rule, which the field and the box say, as the filter's: `(?-i)` heeds it. Text is compared composed."""
    platformos.add({"message": "Timeout in Stra\u00dfe, Cafe\u0301, \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"})
    screen.wait_ids(platformos.ids)
    expect(screen.search).to_have_attribute("placeholder", re.compile("any case"))
    for text, found in (
        ("STRASSE", "Stra\u00dfe"),
        ("caf\u00e9", "Caf\u00e9"),
        ("\u06cc\u200c\u062e", "\u06cc\u200c\u062e"),
    ):
        screen.search.fill(text)
        expect(screen.marks).to_have_text([found])
    screen.checkbox("Regular expression").check()
    screen.search.fill("^timeout")
    expect(screen.marks).to_have_text(["Timeout"])
    screen.search.fill("(?-i)^timeout")
    expect(screen.marks).to_have_count(0)
    screen.search.fill("(?-i)^Timeout")
    expect(screen.marks).to_have_text(["Timeout"])


def test_an_expression_that_is_wrong_is_told(screen: Screen, platformos: PlatformOS) -> None:
    """Nothing is found, nothing breaks, and a right expression works after it."""
    platformos.add({"message": "a (b"})
    screen.wait_ids(platformos.ids)
    screen.checkbox("Regular expression").check()
    screen.search.fill("(b")
    expect(screen.page.get_by_text(re.compile("expression|unterminated|invalid", re.IGNORECASE)).last).to_be_visible()
    expect(screen.marks).to_have_count(0)
    screen.search.fill(r"\(b")
    expect(screen.marks).to_have_text(["(b"])


def test_an_expression_that_never_ends_does_not_hang_the_page(screen: Screen, platformos: PlatformOS) -> None:
    """The page says so. Meanwhile entries come, and another search works."""
    platformos.add({"message": "a" * 40 + "!"})
    screen.wait_ids(platformos.ids)
    screen.checkbox("Regular expression").check()
    screen.search.fill("(a+)+$")
    platformos.add({"message": "still here"})
    screen.wait_ids(["1", "2"])
    expect(screen.page.get_by_text("takes too long")).to_be_visible()
    screen.search.fill("still")
    expect(screen.marks).to_have_text(["still"])
    expect(screen.page.get_by_text("takes too long")).to_have_count(0)


SLOW = "(a+)+b|line"  # some milliseconds for each entry


def test_what_was_there_at_the_opening_is_not_new_once_it_is_found(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """An expression takes its time for what a link with `Only matches` opens; none of that has come since."""
    platformos.add_many(1200, message="a line " + "a" * 14)
    link = urlencode({"env": "staging", "search": SLOW, "regex": "1", "only": "1", "at": "3"})
    screen = visit(site, f"#{link}").connect()
    expect(screen.page.locator("#found")).to_have_text("1,200 matches")
    expect(screen.entry("3")).to_have_attribute("aria-current", "true")
    expect(screen.download).to_have_text("Download 1,200")
    expect(screen.jump).to_have_text("Jump to live")
    platformos.add_many(2, message="a line")
    expect(screen.jump).to_have_text("2 new, jump to live")


def test_all_that_came_counts_as_new_whenever_it_is_found(screen: Screen, platformos: PlatformOS) -> None:
    """A burst is looked through piece by piece, the newest first: none of it is forgotten in the count."""
    platformos.add_many(80, message="a line")
    screen.wait_ids(platformos.ids)
    screen.checkbox("Regular expression").check()
    screen.search.fill(SLOW)
    screen.checkbox("Only matches").check()
    screen.wait_ids(platformos.ids)
    screen.scroll_up()
    expect(screen.jump).to_have_text("Jump to live")
    platformos.add_many(1200, message="a line " + "a" * 14)
    expect(screen.download).to_have_text("Download 1,280")
    expect(screen.jump).to_have_text("1,200 new, jump to live")


def test_a_click_on_a_type_narrows_to_it(screen: Screen, platformos: PlatformOS) -> None:
    """It narrows what is here and what comes; Show all ends it. The server is not asked anew."""
    _add(platformos, *MIXED)
    screen.wait_ids(platformos.ids)
    asked = []
    screen.page.on("request", lambda request: asked.append(request.url) if "/call" in request.url else None)
    screen.entry("4").get_by_role("button", name=re.compile("warn")).click()
    screen.wait_ids(["4"])
    expect(screen.page.get_by_role("group", name="Narrowed to")).to_contain_text("warn")
    _add(platformos, "info", "warn")
    screen.wait_ids(["4", "8"])
    screen.button("Show all").click()
    screen.wait_ids(platformos.ids)
    assert asked == []


def test_a_click_on_a_path_narrows_to_it(screen: Screen, platformos: PlatformOS) -> None:
    """The view has all that happened in this page or partial."""
    stack = [{"path": "app/views/pages/show.liquid", "line": 3}]
    diagnostic = {"schema_version": 1, "message": "m", "stack": stack}
    platformos.add(
        {"data": {"page": "products/show"}},
        {"data": {"page": "cart/total"}},
        {"data": {"page": "products/show"}},
        {"error_type": "LiquidError", "data": diagnostic},
        {"error_type": "LiquidError", "data": {**diagnostic, "stack": [{**stack[0], "line": 9}]}},
    )
    screen.wait_ids(platformos.ids)
    screen.entry("1").get_by_role("button", name="products/show").click()
    screen.wait_ids(["1", "3"])
    screen.button("Show all").click()
    screen.entry("4").get_by_role("button", name="show.liquid").click()
    screen.wait_drawn("4")
    expect(screen.entry("1")).to_have_count(0)


def test_the_view_is_in_the_address(screen: Screen) -> None:
    """To copy the address is to copy the view: environment, tool, filter and search."""
    screen.environment.select_option("production")
    screen.open_more().tool.select_option(label="stream")
    screen.set_filter("error")
    screen.checkbox("Regular expression").check()
    screen.search.fill("a&b=#%+ ü")
    screen.page.wait_for_function("() => location.hash.includes('search')")
    assert {name: values[0] for name, values in parse_qs(screen.fragment).items()} == {
        "env": "production",
        "tool": "stream",
        "query": "type:error",
        "search": "a&b=#%+ ü",
        "regex": "1",
    }


@in_firefox_too
def test_a_link_opens_the_same_view(site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit) -> None:
    """Another person, with their own token, sees what it names."""
    platformos.add({"error_type": "error", "message": "of staging"})
    _add(production, *MIXED)
    link = urlencode({"env": "production", "tool": "stream", "filter": "error", "search": "^a .*", "regex": "1"})
    screen = visit(site, f"#{link}").connect()
    assert screen.environment.input_value() == "production"
    assert screen.open_more().tool.locator("option:checked").inner_text() == "stream"
    expect(screen.filter).to_have_value("type:error")
    expect(screen.search).to_have_value("^a .*")
    expect(screen.checkbox("Regular expression")).to_be_checked()
    screen.wait_ids(["1", "3"])
    expect(screen.marks).to_have_text(["a error", "a LiquidError"])
    assert platformos.requests == []


def test_a_link_that_is_opened_in_the_same_tab_acts(
    screen: Screen, platformos: PlatformOS, production: PlatformOS
) -> None:
    """Only the fragment changes, so nothing is loaded again."""
    _add(platformos, *MIXED)
    _add(production, "info", "error")
    screen.wait_ids(platformos.ids)
    screen.page.evaluate("() => { location.hash = '#env=production&filter=error'; }")
    screen.wait_ids(["2"])
    assert screen.environment.input_value() == "production"
    expect(screen.filter).to_have_value("type:error")


ODD = "#env", "#=&&=", "#tool=platformos.nothing", "#search=%E0%A4%A", "#filter=" + "x" * 500, "#regex=1&search=("


def test_a_link_that_is_odd_harms_nothing(
    site: Server, platformos: PlatformOS, window: Window, complaints: Complaints
) -> None:
    """Parts without a meaning are left out or reported. The log is there once the filter is empty."""
    complaints.expect("400")
    platformos.add_many(1)
    context = window(own=False)
    for fragment in ODD:
        screen = Screen(context, site).open(fragment)
        screen.token.fill(TOKEN)
        screen.button("Connect").click()
        expect(screen.environment).to_be_visible()
        screen.set_filter("")
        screen.wait_state("live")
        screen.wait_ids(platformos.ids)
        screen.page.close()
