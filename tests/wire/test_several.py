"""Several environments in one stream: their own orders, positions that name them all, and each for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import told
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import wait_for

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"
LIVE = "platformos.logs.live"
QUICK = {"interval": 250}
BOTH = {"env": ["staging", "production"], **QUICK}


@pytest.fixture
def production() -> Iterator[PlatformOS]:
    """The other environment."""
    with PlatformOS() as stand_in:
        yield stand_in


@pytest.fixture
def both(server: Start, platformos: PlatformOS, production: PlatformOS) -> Callable[..., Server]:
    """`both(**kw)`: a server of the environments staging and production."""

    def started(**kw: Any) -> Server:
        return server(environments={"staging": platformos, "production": production}, **kw)

    return started


def _came(reader: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"staging": [], "production": []}
    for entry in list(reader.entries):
        found[entry["env"]].append(entry["id"])
    return found


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_each_environment_comes_in_its_order_and_each_id_names_both(
    both: Start, platformos: PlatformOS, production: PlatformOS, kind: str, tool: str
) -> None:
    """From the beginning, and then as it arrives; the quiet one is named too."""
    platformos.add_many(3)
    with both(kind=kind).stream(tool, BOTH) as reader:
        reader.wait_entries(3)
        assert [frame.id for frame in reader.frames if frame.id][-1] == "staging:3,production:0"
        production.add_many(2)
        reader.wait_entries(5)
        platformos.add_many(1)
        reader.wait_entries(6)
    assert _came(reader) == {"staging": ["1", "2", "3", "4"], "production": ["1", "2"]}
    ids = [frame.id for frame in reader.frames if frame.id]
    assert ids == [
        "staging:1,production:0", "staging:2,production:0", "staging:3,production:0",
        "staging:3,production:1", "staging:3,production:2", "staging:4,production:2",
    ]  # fmt: skip
