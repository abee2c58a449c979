"""Fault 8: rows that repeat, come out of order, with ids as numbers or as text: order by id, no double."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tests.faults.upstream import FETCH, LIVE, all_lossless, arrived, follow, lossless, stand_ins, told, wait_told
from tests.support.platformos import PlatformOS
from tests.support.server import Server

NEWEST_FIRST = (
    "Environment staging answers newest first: when more rows come at once than one of its answers holds, "
    "the oldest of them are missing here."
)


class Muddle:
    """What an answer does to its rows: some of the rows before come again, all are doubled and shuffled."""

    def __init__(self, platformos: PlatformOS, seed: int) -> None:
        self._platformos = platformos
        self._random = random.Random(seed)

    def __call__(self, rows: list[Any]) -> list[Any]:
        before = [row for number, row in self._platformos.rows.items() if rows and number < int(rows[0]["id"])]
        muddled = [*before[-7:], *rows, *rows]
        self._random.shuffle(muddled)
        return [{**row, "id": self._spell(int(row["id"]))} for row in muddled]

    def _spell(self, number: int) -> object:
        return self._random.choice([number, str(number), float(number), f"{number:07}"])


def test_rows_come_by_ascending_id_and_once_however_answers_muddle_them(server: Callable[..., Server]) -> None:
    """This holds for readers of all beginnings while rows are doubled, shuffled, overlapping, and ids spelt anyhow."""
    with stand_ins("one", "two", "three") as instances, ExitStack() as stack:
        running = server(environments=instances)
        whole, later = {}, {}
        for seed, (name, platformos) in enumerate(instances.items()):
            platformos.page = 7
            platformos.arrange = Muddle(platformos, seed)
            platformos.add_many(30)
            whole[name] = [
                stack.enter_context(follow(running, name)),
                stack.enter_context(follow(running, name, gzip=True)),
                stack.enter_context(follow(running, name, LIVE)),
            ]
            later[name] = [
                (11, stack.enter_context(follow(running, name, LIVE, lastId="11", gzip=True))),
                (4, stack.enter_context(follow(running, name, lastId="4"))),
            ]
        for count in (1, 12, 3):
            asked = {name: len(platformos.requests) for name, platformos in instances.items()}
            for platformos in instances.values():
                platformos.add_many(count)
            for name, platformos in instances.items():
                platformos.wait_for_requests(asked[name] + 2)
        all_lossless((platformos, whole[name]) for name, platformos in instances.items())
        for name, platformos in instances.items():
            for position, reader in later[name]:
                arrived(reader, platformos.ids[-1])
                assert reader.entry_ids == platformos.ids[position:]
                assert told(reader) == []
            assert [told(reader) for reader in whole[name]] == [[]] * 3
            fetched = running.call(FETCH, {"env": name, "limit": 1000})
            assert [entry["id"] for entry in fetched["logs"]] == platformos.ids
            newest = running.call(FETCH, {"env": name, "tail": 5})
            assert [entry["id"] for entry in newest["logs"]] == platformos.ids[-5:]


def test_answers_that_ignore_the_position_bring_no_double(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Every answer holds the whole log again, newest first, whatever was asked for."""
    platformos.add_many(20)
    platformos.arrange = lambda _: list(reversed(platformos.rows.values()))
    running = server()
    with (
        follow(running) as plain,
        follow(running, tool=LIVE) as live,
        follow(running, tool=LIVE, lastId="5") as resumed,
        follow(running, tail=3) as tail,
    ):
        for reader, count in ((plain, 20), (live, 20), (resumed, 15), (tail, 3)):
            reader.wait_entries(count)
        platformos.wait_for_requests(len(platformos.requests) + 4)
        lossless(platformos, plain, live)
        for reader, position in ((resumed, 5), (tail, 17)):
            arrived(reader, platformos.ids[-1])
            assert reader.entry_ids == platformos.ids[position:]


def test_a_row_that_changes_between_answers_is_delivered_once(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The same id comes again with another text, in answers that overlap. The first text counts."""
    platformos.add_many(3)
    with follow(server(), tool=LIVE) as reader:
        arrived(reader, "3")
        platformos.arrange = lambda rows: [{**row, "message": "edited"} if row["id"] == 3 else row for row in rows]
        platformos.wait_for_requests(len(platformos.requests) + 3)
        lossless(platformos, reader)


def test_an_environment_that_answers_newest_first_is_named_to_each_reader(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The oldest ten of thirty rows cannot be asked for, so each reader gets one notice, later ones too."""
    platformos.add_many(30)
    platformos.arrange = lambda rows: rows[:-21:-1]
    running = server()
    with follow(running) as plain, follow(running, tool=LIVE) as live:
        for reader in (plain, live):
            arrived(reader, "30")
            assert reader.entry_ids == platformos.ids[10:]
        platformos.add_many(25)
        for reader in (plain, live):
            arrived(reader, "55")
        assert len(plain.entry_ids) == len(live.entry_ids) == 40
        with follow(running, tail=0) as later:
            for reader in (plain, live, later):
                assert wait_told(reader) == [NEWEST_FIRST]
        for input_ in ({"lastId": "0"}, {"limit": 30}):
            fetched = running.call(FETCH, {"env": "staging", **input_})
            assert fetched["truncated"]
            assert [entry["id"] for entry in fetched["logs"]] == platformos.ids[-20:]
        assert running.call("platformos.logs.report", {"env": "staging"})["truncated"]
    assert running.output.count("answers newest first") == 1
