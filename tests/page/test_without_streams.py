"""Without streams: on a server that holds none, the page asks for what is new, says so, and does all else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.hosts.elsewhere import Elsewhere
from tests.page.complaints import Complaints
from tests.page.conftest import Visit
from tests.support.platformos import PlatformOS

SAYS = "asking: this server holds no streams, so it is asked every 5 s"
HOSTS = {
    "gunicorn's sync worker": ("gunicorn", ["-k", "sync", "--workers", "3"]),
    "wsgiref": ("wsgiref", []),
}
Start = Callable[[str], Elsewhere]


@pytest.fixture
def host(platformos: PlatformOS, production: PlatformOS, tmp_path: Path) -> Iterator[Start]:
    """Starts a host that serves one request at a time, over staging and production."""
    with ExitStack() as stack:

        def start(name: str) -> Elsewhere:
            kind, args = HOSTS[name]
            server = stack.enter_context(Elsewhere(tmp_path, kind, platformos, *args, start=False))
            server.write_pos({"staging": platformos, "production": production})
            server.start()
            return server

        yield start


@pytest.mark.parametrize("name", HOSTS)
def test_the_page_asks_where_no_stream_is_held(
    host: Start, platformos: PlatformOS, production: PlatformOS, visit: Visit, complaints: Complaints, name: str
) -> None:
    """Every entry once and in order, a filter, a search, another environment; the state says in words what is done."""
    complaints.expect("503")
    platformos.add_many(3)
    production.add_many(2)
    screen = visit(host(name)).connect(state="asking")
    expect(screen.connection).to_contain_text(SAYS, timeout=60_000)
    screen.wait_ids(platformos.ids)
    for count in range(3):
        platformos.add({"message": f"came later {count}", "error_type": "LiquidError" if count else "info"})
        expect(screen.log.get_by_text(f"came later {count}", exact=True)).to_be_visible(timeout=60_000)
    screen.wait_ids(platformos.ids)

    screen.search.fill("later 1")
    expect(screen.marks).to_have_count(1)
    screen.search.fill("")
    screen.set_filter("LiquidError")
    screen.wait_ids(platformos.ids[-2:])
    platformos.add({"message": "not wanted"}, {"message": "wanted", "error_type": "LiquidError"})
    expect(screen.log.get_by_text("wanted", exact=True)).to_be_visible(timeout=60_000)
    screen.wait_ids([*platformos.ids[-4:-2], platformos.ids[-1]])

    screen.set_filter("")
    screen.environment.select_option("production")
    expect(screen.connection).to_contain_text(SAYS, timeout=60_000)
    screen.wait_ids(production.ids)


def test_trouble_of_platformos_is_told_and_over_when_it_answers(
    host: Start, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """Nothing that was logged meanwhile is missing."""
    complaints.expect("503")
    platformos.add_many(1)
    screen = visit(host("gunicorn's sync worker")).connect(state="asking")
    expect(screen.connection).to_contain_text(SAYS, timeout=60_000)
    platformos.fail("status", status=500)
    expect(screen.connection).to_contain_text("asking, but platformOS", timeout=60_000)
    platformos.add_many(2)
    platformos.heal()
    expect(screen.connection).to_contain_text(SAYS, timeout=60_000)
    screen.wait_ids(platformos.ids)
