"""search.js: what is looked for is found in a worker, and no expression hangs the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.page.modules.conftest import OpenTab
from tests.page.modules.tab import Tab
from tests.support.server import Server

Start = Callable[..., Server]

BEGIN = """async ({ texts, query, regex }) => {
  const { Search } = await import("/page/search.js");
  window.changes = 0;
  window.looked = [];
  window.entries = texts.map((text) => ({ text }));
  const textOf = (entry) => (looked.push(entry), entry.text);
  window.search = new Search({ textOf, onChange: () => (changes += 1) });
  search.reset(entries);
  search.set(query, { regex });
}"""

FOUND = "() => entries.map((entry) => search.ranges(entry))"

PULSE = """() => {
  window.turns = 0;
  setInterval(() => {
    if (window.search?.busy) turns += 1;
  }, 10);
}"""


@pytest.fixture
def page(server: Start, tab: OpenTab) -> Tab:
    return tab(server())


def found(page: Tab, texts: list[str], query: str, *, regex: bool = False) -> Any:
    """The ranges in each of some texts."""
    page.run(BEGIN, {"texts": texts, "query": query, "regex": regex})
    page.wait("!search.busy && changes > 0")
    return page.run(FOUND)


def test_plain_text_is_found_whatever_its_case(page: Tab) -> None:
    """Every place in every text is found, in UTF-16 units; signs of expressions mean themselves."""
    assert found(page, ["Error: ERROR", "fine", "😀 error"], "error") == [[[0, 5], [7, 12]], None, [[3, 8]]]
    assert page.run("() => [search.count, search.problem]") == [2, ""]
    assert page.run("() => entries.map((entry) => search.matches(entry))") == [True, False, True]
    signs = r"\^$.*+?()[]{}|/-"
    assert found(page, ["^", f"x{signs}"], signs) == [None, [[1, 1 + len(signs)]]]
    assert found(page, ["ÄÖ", "äö"], "Äö") == [[[0, 2]], [[0, 2]]]


def test_an_expression_is_found_in_any_case_unless_it_says_otherwise(page: Tab) -> None:
    """`^` matches at each line, nothing matches empty text, and escapes without a meaning are allowed."""
    assert found(page, ["a1 b22", "c"], r"\d+", regex=True) == [[[1, 2], [4, 6]], None]
    assert found(page, ["one\ntwo", "TWO"], "^two$", regex=True) == [[[4, 7]], [[0, 3]]]
    assert found(page, ["one\ntwo", "TWO"], "(?-i)^two$", regex=True) == [[[4, 7]], None]
    assert found(page, ["xay", "bb"], "a*", regex=True) == [[[1, 2]], None]
    assert found(page, ["a-b", "x"], r"a\-b", regex=True) == [[[0, 3]], None]
    assert found(page, ["😀", ""], "^.$", regex=True) == [[[0, 2]], None]


def test_ranges_are_bounded(page: Tab) -> None:
    """A text has at most fifty ranges, in its first 100,000 characters."""
    ranges = found(page, ["a" * 200, "b" * 99_999 + "aa", "b" * 100_000 + "a"], "a")
    assert [len(each or []) for each in ranges] == [50, 1, 0]


def test_a_wrong_expression_is_told(page: Tab) -> None:
    """There is a sentence, nothing is found, and the next expression works."""
    page.run(BEGIN, {"texts": ["(x", "y"], "query": "(x", "regex": True})
    page.wait("changes > 0")
    problem, count, busy = page.run("() => [search.problem, search.count, search.busy]")
    assert (problem, count, busy) == ("This is not a regular expression: Unterminated group.", 0, False)
    page.run("() => search.set('(x')")
    page.wait("search.count === 1")
    assert page.run("() => search.problem") == ""


def test_an_expression_without_end_is_given_up(page: Tab) -> None:
    """The page says that it takes too long. While the search runs, the page does other things."""
    page.run(PULSE)
    page.run(BEGIN, {"texts": ["a" * 40 + "b"] * 5, "query": "(a+)+$", "regex": True})
    page.wait("search.problem", 20000)
    assert page.run("() => search.problem") == "This expression takes too long here; make it simpler."
    assert page.run("() => [search.busy, search.count]") == [False, 0]
    assert page.run("() => turns") > 5  # of about a hundred
    page.run("() => search.set('b')")
    page.wait("search.count === 5")
    assert page.run("() => search.problem") == ""


def test_another_query_does_not_wait_for_one_without_end(page: Tab) -> None:
    """The search under way is dropped, without a report."""
    page.run(BEGIN, {"texts": ["a" * 40 + "b"], "query": "(a+)+$", "regex": True})
    page.run("() => new Promise((resolve) => setTimeout(resolve, 100))")
    page.run("() => search.set('b')")
    page.wait("search.count === 1 && !search.busy")
    assert page.run(FOUND) == [[[40, 41]]]
    page.run("() => new Promise((resolve) => setTimeout(resolve, 1500))")
    assert page.run("() => search.problem") == ""


def test_it_keeps_in_step(page: Tab) -> None:
    """Added texts are searched, dropped ones do not count, and `reset` begins anew."""
    assert found(page, ["a", "b", "ba"], "a") == [[[0, 1]], None, [[1, 2]]]
    page.run("() => { entries.push({ text: 'later a' }, { text: 'c' }); search.add(entries.slice(3)); }")
    page.wait("search.count === 3 && !search.busy")
    page.run("() => search.drop(entries.slice(0, 2))")
    assert page.run("() => [search.count, search.ranges(entries[0])]") == [2, None]
    page.run("() => search.set('b')")
    page.wait("search.count === 1 && !search.busy")
    assert page.run("() => search.matches(entries[1])") is False
    page.run("() => search.reset(entries)")
    page.wait("search.count === 2 && !search.busy")
    page.run("() => search.set('')")
    assert page.run("() => [search.count, search.busy, search.matches(entries[1])]") == [0, False, False]


def test_the_newest_are_looked_at_first(page: Tab) -> None:
    """Of many texts, in batches, the last are known before the first."""
    texts = [f"entry {number}" for number in range(2000)]
    page.run(BEGIN, {"texts": texts, "query": "entry", "regex": False})
    page.wait("search.count > 0")
    assert page.run("() => search.matches(entries.at(-1))") is True
    page.wait("search.count === 2000 && !search.busy")
    assert page.run("() => looked.map((entry) => entries.indexOf(entry))") == list(reversed(range(2000)))


def test_many_changes_are_told_together(page: Tab) -> None:
    """A hundred additions within a tenth of a second make only a few calls."""
    found(page, ["a"], "a")
    page.run("() => { changes = 0; for (let n = 0; n < 100; n += 1) search.add([{ text: 'a' }]); }")
    page.wait("search.count === 101")
    page.wait("changes > 0")
    assert page.run("() => changes") <= 5
