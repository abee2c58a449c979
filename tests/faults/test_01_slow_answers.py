"""Fault 1: platformOS is slower than the interval: polls never overlap, heartbeats keep coming, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import HOUR, LIVE, STREAM, arrived, follow, lossless, told, unbroken
from tests.support.fault import Fault
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.transcript import Transcript

BEAT_S = 0.2
BEATS = 4  # that come while one question is unanswered
SILENCE_S = 0.75
ANSWER_S = 1.0

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def beats_amid_an_answer(platformos: PlatformOS, hanging: Fault, *readers: Transcript) -> None:
    """Assert that each reader gets BEATS heartbeats, none late, while one question, which hangs, is not answered."""
    asked = platformos.met(hanging)

    def beat() -> None:
        before = [reader.comments.count("heartbeat") for reader in readers]
        for reader, beats in zip(readers, before, strict=True):
            reader.wait_until(lambda r=reader, b=beats: r.comments.count("heartbeat") >= b + BEATS)  # type: ignore[misc]

    unbroken(beat, SILENCE_S, *readers)
    assert not any(reader.ended for reader in readers)
    assert platformos.requests[-1] is asked
    assert platformos.in_flight == 1


def test_polls_never_overlap_and_heartbeats_go_on_while_answers_take_four_intervals(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """With three readers of both tools one question is asked at a time, and heartbeats come amid an answer."""
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
        for count in (2, 3, 4):
            platformos.wait_for_requests(count)
            platformos.add_many(2)
        for reader in readers:
            arrived(reader, platformos.ids[-1])
        assert platformos.max_in_flight == 1
        beats_amid_an_answer(platformos, platformos.fail("hang", times=1), *readers)
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
        hanging = platformos.fail("hang", times=1)
        with running.stream(STREAM, {**HOUR, "lastId": "3"}) as behind:
            beats_amid_an_answer(platformos, hanging, behind)
            slow = platformos.fail("slow", seconds=ANSWER_S)
            platformos.met(slow, 2)
            assert platformos.max_in_flight == 1
            platformos.heal()
            arrived(behind, "16")
            with follow(running, lastId="16") as quick:  # it has everyone polled for at its own pace
                lossless(platformos, quick, ids=[])
            for reader, first in ((follower, 14), (behind, 3)):
                arrived(reader, platformos.ids[-1])
                assert reader.entry_ids == platformos.ids[first:]
