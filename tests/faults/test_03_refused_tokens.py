"""Fault 3: platformOS refuses a token: an error with the remedy, then `done`; a renewed `.pos` needs no restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import FETCH, LIVE, STREAM, arrived, follow, lossless, stand_ins, told
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server

REFUSED = "platformOS refused the token of environment staging; run `pos-cli env refresh-token staging`."
NEW = "renewed-token-3e9a"


def follow_when_renewed(server: Server, **kw: Any) -> Reader:
    """A stream of `staging`, once platformOS no longer refuses it."""
    end = time.monotonic() + 10
    while True:
        reader = follow(server, **kw)
        reader.wait_until(lambda reader=reader: bool(reader.entries or reader.errors))  # type: ignore[misc]
        if reader.entries:
            return reader
        reader.close()
        assert time.monotonic() < end, "the renewed .pos was not read"


def test_a_refused_token_ends_the_streams_of_its_environment_and_no_other(server: Callable[..., Server]) -> None:
    """After 401 or 403 two readers get one sentence, `done` and a clean end; another environment notices nothing."""
    with stand_ins("staging", "qa", "production") as instances:
        running = server(environments=instances, env={"POSLOGS_LOG_LEVEL": "debug"})
        production = instances.pop("production")
        with follow(running, "production") as other:
            for status, (name, refusing) in zip((401, 403), instances.items(), strict=True):
                refusing.add_many(2)
                sentence = REFUSED.replace("staging", name)
                with follow(running, name) as plain, follow(running, name, LIVE, gzip=True) as live:
                    for reader in (plain, live):
                        arrived(reader, "2")
                    refusing.fail("status", status=status, body={"error": f"token {refusing.token} expired"})
                    for reader in (plain, live):
                        reader.wait_end()
                        assert told(reader) == [sentence]
                        assert [frame.event for frame in reader.frames[-2:]] == ["error", "done"]
                        assert reader.ended_clean
                        assert reader.entry_ids == ["1", "2"]
                        assert refusing.token not in reader.dump() + repr(reader.frames)
                    assert live.gzip_ended_right
                refused = running.post("/call", {"tool": FETCH, "input": {"env": name}})
                assert (refused.status_code, refused.json()) == (502, {"error": sentence})
                assert "Retry-After" not in refused.headers
                assert refusing.token not in running.output + refused.text
            lossless(production, other)
            assert told(other) == []


def test_a_token_that_stays_wrong_costs_one_question_a_stream(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Whatever a stream begins with, it gets the error and ends. platformOS is asked once for each stream."""
    platformos.add_many(5)
    running = server(
        environments={"staging": {**platformos.environment, "token": "wrong"}, "production": platformos.environment}
    )
    with follow(running, "production", interval=3_600_000) as other:
        arrived(other, "5")
        platformos.wait_for_requests(2)  # the second finds nothing more
        for start in ({}, {"lastId": "3"}, {"tail": 2}):
            asked = len(platformos.requests)
            with follow(running, tool=STREAM, **start) as reader:
                reader.wait_end()
                assert told(reader) == [REFUSED]
                assert reader.done
                assert reader.ended_clean
                assert reader.entries == []
            assert len(platformos.requests) == asked + 1, start
        with follow(running, "production"):
            lossless(platformos, other)


def test_a_renewed_pos_file_is_read_without_a_restart(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """When the token changes at platformOS the stream ends; once it is in `.pos` the reader resumes without loss."""
    running = server()
    platformos.add_many(3)
    with follow(running) as before:
        arrived(before, "3")
        platformos.token = NEW
        platformos.add_many(2)
        before.wait_end()
        assert told(before) == [REFUSED]
        assert before.done
    pid = running.worker_pid()
    running.write_pos({"staging": platformos})
    with follow_when_renewed(running, headers={"Last-Event-ID": str(before.last_id)}) as after:
        lossless(platformos, after, ids=["4", "5"])
    assert before.entry_ids == ["1", "2", "3"]
    assert running.worker_pid() == pid
    assert NEW not in running.output


def test_a_token_renewed_in_time_interrupts_nobody(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """`.pos` changes while streams are open: the next polls carry the new token, and the streams go on."""
    running = server()
    platformos.add_many(3)
    with follow(running) as reader, follow(running, tool=LIVE) as live:
        for each in (reader, live):
            arrived(each, "3")
        platformos.fail("raw", body={"logs": []})  # for a while, either token is taken
        asked = len(platformos.requests)
        running.write_pos({"staging": {**platformos.environment, "token": NEW}})
        platformos.wait_until(lambda: platformos.requests[-1].headers["Authorization"] == f"Token {NEW}")
        platformos.token = NEW
        platformos.heal()
        lossless(platformos, reader, live)
        assert told(reader) == told(live) == []
        sent = [request.headers["Authorization"] for request in platformos.requests[asked:]]
        assert sent == sorted(sent, key=lambda token: token == f"Token {NEW}"), "the old token came back"


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_token_renewed_just_now_interrupts_nobody(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """`.pos` is there before a poll is refused, though nobody has read it yet: the refusal has it read."""
    running = server(kind)
    platformos.add_many(3)
    with follow(running) as reader, follow(running, tool=LIVE) as live:
        for number in range(5):
            for each in (reader, live):
                each.wait_entries(3 + number)
            platformos.former, platformos.token = platformos.token, f"{NEW}-{number}"
            running.write_pos({"staging": platformos})
            platformos.former = None
            platformos.add_many(1)
        lossless(platformos, reader, live)
        assert told(reader) == told(live) == []
    assert NEW not in running.output


def test_a_pos_file_that_is_broken_meanwhile_changes_nothing(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Half a file is reported in the log. The stream goes on with the last good one; the next whole one is read."""
    running = server()
    platformos.add_many(2)
    with follow(running) as reader:
        arrived(reader, "2")
        running.pos_file.write_text('{"staging": {"url": "htt')
        running.wait_output("The last good one stays in use.")
        lossless(platformos, reader)
        assert told(reader) == []
        platformos.token = NEW
        reader.wait_end()
        assert told(reader) == [REFUSED]
        running.write_pos({"staging": platformos})
        with follow_when_renewed(running, headers={"Last-Event-ID": "2"}) as after:
            lossless(platformos, after, ids=["3", "4"])
