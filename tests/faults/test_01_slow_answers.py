"""Fault 1: platformOS is slower than the interval: polls never overlap, heartbeats keep coming, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import HOUR, LIVE, STREAM, arrived, follow, longest_silence, lossless, told
from tests.support.platformos import PlatformOS
from tests.support.server import Server

BEAT_S = 0.2
ANSWER_S = 2.0
SILENCE_S = 1.5  # shorter than an answer takes, with room for a machine that stands still for a second

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def test_polls_never_overlap_and_heartbeats_go_on_while_answers_take_eight_intervals(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """With three readers of both tools one question is asked at a time, and no silence is as long as an answer."""
    running = server(kind, env={"POSLOGS_HEARTBEAT_SECONDS": str(BEAT_S)})
    platformos.add_many(3)
    platformos.fail("slow", seconds=ANSWER_S)
    with (
        follow(running) as plain,
        follow(running, gzip=True) as packed,
        follow(running, tool=LIVE) as live,
    ):
        readers = (plain, packed, live)
        for reader in readers:
            reader.wait_frame(lambda frame: frame.comment == "open")
        begun = max(reader.frames[0].at for reader in readers)
        for count in (2, 3, 4):
            platformos.wait_for_requests(count)
            platformos.add_many(2)
        for reader in readers:
            arrived(reader, platformos.ids[-1])
            assert longest_silence(reader, begun) < SILENCE_S
            assert reader.comments.count("heartbeat") >= 5
        assert platformos.max_in_flight == 1
        platformos.heal()
        lossless(platformos, *readers)
        assert platformos.max_in_flight == 1
        assert [told(reader) for reader in readers] == [[], [], []]


def test_a_reader_that_asks_by_itself_has_heartbeats_too(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """It resumes from before the window while answers are slow: it asks for its pages one after another."""
    running = server(kind, env={"POSLOGS_HEARTBEAT_SECONDS": str(BEAT_S)})
    platformos.page = 4
    platformos.add_many(16)
    with running.stream(STREAM, {**HOUR, "lastId": "14"}) as follower:  # its polls do not disturb the picture
        arrived(follower, "16")
        platformos.wait_for_requests(2)  # the second finds nothing more: now it rests
        platformos.wait_until(lambda: platformos.in_flight == 0)
        asked = len(platformos.requests)
        platformos.fail("slow", seconds=ANSWER_S)
        with running.stream(STREAM, {**HOUR, "lastId": "3"}) as behind:
            platformos.wait_for_requests(asked + 3)
            assert longest_silence(behind, behind.frames[0].at) < SILENCE_S
            assert behind.comments.count("heartbeat") >= 4
            assert platformos.max_in_flight == 1
            platformos.heal()
            arrived(behind, "16")
            with follow(running, lastId="16") as quick:  # it has everyone polled for at its own pace
                lossless(platformos, quick, ids=[])
            for reader, first in ((follower, 14), (behind, 3)):
                arrived(reader, platformos.ids[-1])
                assert reader.entry_ids == platformos.ids[first:]
