"""Beginnings: after an answer that says nothing of the log, a page that is opened still shows all its past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.faults.upstream import HOUR, STREAM
from tests.page.conftest import Visit
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.unclear import UNCLEAR
from tests.wire.exchange import wait_for

NUMBERS = [str(number) for number in range(1, 21)]
ERRORS = NUMBERS[::5]


def _staging(site: Server) -> dict[str, Any]:
    return next(each for each in site.get("/health").json()["environments"] if each["name"] == "staging")


def _add(platformos: PlatformOS) -> None:
    platformos.add(*({"error_type": "error" if str(n) in ERRORS else "info", "message": f"m{n}"} for n in range(1, 21)))


@pytest.mark.parametrize("odd", UNCLEAR.values(), ids=UNCLEAR)
def test_the_page_shows_its_past_whatever_the_first_answer_is(
    site: Server, platformos: PlatformOS, visit: Visit, odd: bytes
) -> None:
    """Another reader is at the end. The page opens, changes its filter, and a second page opens."""
    _add(platformos)
    with site.stream(STREAM, {**HOUR, "lastId": "20"}):
        platformos.wait_for_requests(1)
        wait_for(lambda: _staging(site).get("lastSuccess"))

        @contextmanager
        def oddly() -> Iterator[None]:
            asked = len(platformos.requests)
            platformos.fail("raw", times=1, body=odd)
            yield
            platformos.wait_for_requests(asked + 2)  # what was odd, and what was asked again

        screen = visit(site)
        with oddly():
            screen.connect().wait_ids(NUMBERS)
        with oddly():
            screen.set_filter("error")
            screen.wait_ids(ERRORS)
        with oddly():
            visit(site).connect().wait_ids(NUMBERS)
        expect(screen.alert).to_have_count(0)


def test_a_page_whose_environment_answers_so_for_long_says_so(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """The page shows what platformOS answers. All rows come once there are some."""
    _add(platformos)
    platformos.fail("raw", body=b"{}")
    screen = visit(site).connect()
    sentence = "platformOS answered without usable log rows for environment staging."
    expect(screen.page.get_by_text(sentence)).to_have_count(1)
    platformos.heal()
    screen.wait_ids(NUMBERS)
