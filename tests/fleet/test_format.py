"""The format of what stands in Redis: processes whose number is the same read each other, whatever their version.

Where a test here fails, a process of the version before would misread, or be misread. Then raise FORMAT in
poslogs/fleet/engine.py, and write the new form down here.
"""

from __future__ import annotations

import threading

import pytest

from poslogs.access.client import Client
from poslogs.fleet.members import Members
from poslogs.fleet.places import Places
from poslogs.fleet.poll_bus import PollBus
from poslogs.fleet.polls import Polls
from poslogs.fleet.rates import SharedRates
from poslogs.platformos.entries import Entry, Page
from poslogs.platformos.environments import Environment
from poslogs.streaming.bus import Note
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.outcome import Answered, WasReset
from poslogs.streaming.packing import Failed, Packed, pack, unpack
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import joined, supervised

STAGING = Environment("staging", "https://staging.example.com", "me@example.com", "secret-token")
MINE = Client(id="mine", name="Mine", digest=b"", streams=10)
STAMP = "2026-01-02T03:04:05.000Z"
EARLIER, ROW = [
    Entry.from_row({"id": id_, "error_type": "error", "message": "it broke", "created_at": STAMP}, "staging")
    for id_ in (3, 7)
]
JSON = (
    b'{"id":"7","timestamp":"2026-01-02T03:04:05.000Z","type":"error","message":"it broke","data":{},"env":"staging",'
    b'"error_type":"error"}'
)
FAILED = "platformOS answered 502 for environment staging."
OUTCOMES = {
    "an answer": (
        Packed(Answered(Page([ROW], [], 7, whole=True), 6, looks=True), 6, syncs=True),
        b'p{"low":6,"syncs":true,"page":[[],7,0,true,false,0,false],"asked":[6,true,false,false,null],'
        b'"kinds":[["error","error"]],"entries":[[7,0,132]]}\n' + JSON,
    ),
    "a reset of ids": (
        Packed(WasReset(IdReset(5, [ROW], [EARLIER])), 9, syncs=False),
        b'p{"low":9,"syncs":false,"reset":[5,1],"kinds":[["error","error"]],"entries":[[3,0,132],[7,0,132]]}\n'
        + JSON.replace(b'"id":"7"', b'"id":"3"')
        + JSON,
    ),
    "a failure": (
        Packed(Failed(FAILED, 1.5), 9, syncs=False),
        b'p{"low":9,"syncs":false,"failed":"' + FAILED.encode() + b'","wait":1.5,"kinds":[],"entries":[]}\n',
    ),
}
CLAIM = {"token", "till", "asked", "who", "late", "whole"}
POLL = CLAIM | {"tip", "size", "answered", "rounds", "high", "rests", "failing", "until"}
FORM = {  # of format 1: the names of keys, and their types
    b"test:1:proof": b"string",
    b"test:1:members": b"zset",
    b"test:1:streams:mine": b"zset",
    b"test:1:rates:LIMITER/mine": b"list",
    b"test:1:{staging@https%3A%2F%2Fstaging.example.com}:poll": b"hash",
    b"test:1:{staging@https%3A%2F%2Fstaging.example.com}:log": b"stream",
    b"test:1:{staging@https%3A%2F%2Fstaging.example.com}:lengths": b"list",
}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_an_outcome_of_this_format_has_these_bytes(kind: str) -> None:
    """They are what is written, and what is read."""
    packed, data = OUTCOMES[kind]
    assert pack(packed) == data
    assert unpack(data) == packed


def test_keys_of_this_format_have_these_names_and_hold_these_things(redis: RedisServer) -> None:
    """Of the poll, whose questions were answered, have failed and are under way; of places, members and rates."""
    with supervised() as supervisor:
        engine = joined(redis.url, supervisor)
        members = Members(engine)
        bus = PollBus(Polls(engine, members, supervisor), STAGING, threading.Event())
        wish = {"late": 30.0, "whole": True, "joins": False}
        assert bus.claim("", 10, 0.0, **wish)  # type: ignore[arg-type]
        answered = bus.publish("", b"an outcome", 10, Note(ends=True, rests=True))
        assert answered
        assert bus.claim(answered.tip, 10, 0.0, **wish)  # type: ignore[arg-type]
        failed = bus.failed(answered.tip, b"another", 0.0)
        assert failed
        assert bus.claim(failed.tip, 10, 0.0, **wish)  # type: ignore[arg-type]
        members.beat()
        assert Places(engine, members, supervisor).take(MINE) == f"{engine.member}:1"
        assert SharedRates(engine=engine).acquire_entry("LIMITER/mine", 5, 60)
        assert {key: redis.do("TYPE", key) for key in redis.all_keys()} == FORM
        poll, log, lengths = (key.decode() for key in FORM if b"{staging" in key)
        assert {name.decode() for name in redis.do("HGETALL", poll)} == POLL
        assert redis.do("HGET", poll, "high") == b"00000000000000000010"
        outcomes = redis.do("XRANGE", log, "-", "+")
        assert [fields for _, fields in outcomes] == [
            {b"before": b"", b"data": b"an outcome"},
            {b"before": answered.tip.encode(), b"data": b"another"},
        ]
        assert [id_.decode() for id_, _ in outcomes] == [answered.tip, failed.tip]
        assert redis.do("LRANGE", lengths, 0, -1) == [b"10", b"7"]
        member = engine.member.encode()
        assert redis.do("ZRANGE", "test:1:members", 0, -1) == [member]
        assert redis.do("ZRANGE", "test:1:streams:mine", 0, -1) == [member + b":1"]
