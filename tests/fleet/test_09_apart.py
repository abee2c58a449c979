"""Promise 9: two fleets on one Redis do not meet, and nothing in Redis is a secret."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import lossless
from tests.fleet.fleet import Fleet, kill
from tests.fleet.heard import Heard
from tests.fleet.redis_server import RedisServer
from tests.fleet.roamer import Roamer
from tests.fleet.storm import at_once
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import FETCH, LIVE, PLENTY, READER, STREAM, asking, clients, request, wait_for

Starts = Callable[..., Fleet]
GUEST = "guest-token-11ab"
EMAIL = "someone@example.org"
KEY = re.compile(rb"^poslogs:\d+:.")
PLACES = 10
LEAST_DIGEST = 12  # digits of a digest that would be one


def test_two_fleets_of_two_prefixes_do_not_meet(fleet: Starts, redis: RedisServer, platformos: PlatformOS) -> None:
    """Each has its own poll, its own rates and its own places; the keys of each begin with its prefix."""
    guest = clients(guest={"token": GUEST, "limits": {**PLENTY, "streams": PLACES}})
    with PlatformOS() as elsewhere, ExitStack() as stack:
        for asked, count in ((platformos, 3), (elsewhere, 5)):
            asked.add_many(count)
        one = fleet(count=2, clients=guest)
        other = fleet(
            count=2, clients=guest, environments={"staging": elsewhere}, env={"POSLOGS_REDIS_PREFIX": "elsewhere"}
        )
        body = request("/call-stream", asking(interval=250, lastId="0"), token=GUEST)
        for each in (one, other):
            held = stack.enter_context(ExitStack())

            def opened(each: Fleet = each, held: ExitStack = held) -> Counter[int]:
                """How often each status came, of streams that stay open."""
                held.close()
                wait_for(lambda: all(server.streams_open() == 0 for server in each.servers), 15)
                return Counter(answer.status for answer in at_once(held, each.servers, 3 * PLACES, body))

            assert each.undisturbed(opened) == {200: PLACES, 429: 2 * PLACES}
        readers = [
            (stack.enter_context(Roamer([server.url], token=READER)), asked)
            for each, asked in ((one, platformos), (other, elsewhere))
            for server in each.servers
        ]
        for count in range(1, 6):
            for asked in (platformos, elsewhere):
                asked.add_many(count)
        for reader, asked in readers:
            lossless([reader], asked)
        assert one.poller(platformos) in one.workers()
        assert other.poller(elsewhere) in other.workers()
        keys = redis.all_keys()
        assert {key.partition(b":")[0] for key in keys} == {b"poslogs", b"elsewhere"}
        assert all(re.match(rb"^(poslogs|elsewhere):\d+:.", key) for key in keys), keys


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_no_token_digest_or_e_mail_is_in_redis_nor_passes_through_it(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str
) -> None:
    """Not in a key, a value, an argument or a message, whatever was asked: streams, calls, wrong tokens, refusals."""
    platformos.email, platformos.token = EMAIL, "pos-token-91ce"
    wrong = "a-token-of-nobody-77fe"
    secrets = [TOKEN, GUEST, wrong, platformos.token, EMAIL]
    platformos.add_many(10)
    with Heard(redis) as heard:
        started = fleet(
            kind,
            clients={
                "default": {"token": TOKEN, "limits": PLENTY},
                "guest": {"token_sha256": hashlib.sha256(GUEST.encode()).hexdigest(), "limits": {"streams": PLACES}},
            },
        )
        with ExitStack() as stack:
            for token, count in ((GUEST, 12), (TOKEN, 6), (wrong, 30)):
                at_once(stack, started.servers, count, request("/call-stream", asking(interval=250), token=token))
                at_once(stack, started.servers, 3, request("/call", asking(FETCH), token=token))
                at_once(stack, started.servers, 3, request("/call-stream", asking(LIVE, interval=250), token=token))
            readers = [stack.enter_context(Roamer([url])) for url in started.urls]
            platformos.add_many(10)
            lossless(readers, platformos)
            kill(started.poller())
            platformos.add_many(10)
            lossless(readers, platformos)
            platformos.fail("status", times=2, status=503)
            platformos.wait_until(lambda: len(platformos.requests[-1].path) > 0)
            dump = redis.dump()
            last = uuid.uuid4().hex
            redis.do("ECHO", last)
            lines = heard.lines(last.encode())
    assert len(lines) > 50
    keys = redis.all_keys()
    assert keys
    assert all(KEY.match(key) for key in keys), keys
    for text in (dump, b"\n".join(lines)):
        for secret in secrets:
            assert secret.encode() not in text
            for kind_of_digest in ("sha256", "sha1", "md5", "blake2b", "blake2s", "sha512"):
                digest = hashlib.new(kind_of_digest, secret.encode()).hexdigest()[:LEAST_DIGEST]
                assert digest.encode() not in text.lower(), (kind_of_digest, secret)
    named = [
        word
        for line in lines
        for word in re.findall(rb'"((?:[^"\\]|\\.)*)"', line)
        if word.count(b":") >= 2 and word.startswith(b"poslogs")
    ]
    assert named
    assert all(KEY.match(word) for word in named)


def test_two_versions_of_the_layout_do_not_meet(
    fleet: Starts, started: Callable[..., Server], redis: RedisServer, platformos: PlatformOS
) -> None:
    """Beside a fleet whose keys are of another version, each holds its own limits, and both read everything."""
    mine = fleet(count=2)
    with ExitStack() as stack:
        readers = [stack.enter_context(Roamer([url], tool=tool)) for url in mine.urls for tool in (STREAM, LIVE)]
        platformos.add_many(20)
        lossless(readers, platformos)
        versions = {key.split(b":")[1] for key in redis.all_keys()}
        assert len(versions) == 1
        # What a later version may have left: keys of the same names, of other types.
        (version,) = versions
        later = str(int(version) + 1).encode()
        for key in redis.all_keys():
            redis.do("SET", key.replace(b":" + version + b":", b":" + later + b":", 1), "not what is expected here")
        platformos.add_many(20)
        lossless(readers, platformos)
        mine.wait_state("ok", 1)
        strangers = [key for key in redis.all_keys() if key.split(b":")[1] == later]
        assert strangers
        wait_for(lambda: {redis.do("GET", key) for key in strangers} == {b"not what is expected here"}, 5)
