"""Fault 6: status 200 with anything but a log is a failed poll; an empty body and a missing `logs` mean no rows."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tests.faults.upstream import (
    LIVE,
    STREAM,
    all_lossless,
    arrived,
    follow,
    lossless,
    stand_ins,
    told,
    tries,
    wait_told,
)
from tests.support.platformos import PlatformOS
from tests.support.server import Server

ROWS = b'{"logs":[{"id":3,"message":"a row that is not listed"},{"id":4,"message":"nor this'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NOT_JSON = "platformOS answered something that is not JSON for environment {}."
BROKEN = "Connection failed: environment {} broke off its answer."
FAILED: dict[str, tuple[dict[str, Any], str]] = {
    "html": (
        {"body": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "headers": {"Content-Type": "text/html"}},
        "platformOS answered HTML for environment {}.",
    ),
    "text": ({"body": b"Internal error"}, NOT_JSON),
    "cut": ({"body": ROWS}, NOT_JSON),
    "cut-behind-a-row": ({"body": b'{"logs":[{"id":3}'}, NOT_JSON),
    "two": ({"body": b'{"logs":[]}{"logs":[]}'}, NOT_JSON),
    "binary": ({"body": bytes(range(256))}, NOT_JSON),
    "array": ({"body": b'[{"id":3}]'}, "platformOS answered JSON that is not an object for environment {}."),
    "number": ({"body": b"17"}, "platformOS answered JSON that is not an object for environment {}."),
    "null": ({"body": b"null"}, "platformOS answered JSON that is not an object for environment {}."),
    "string": ({"body": b'"logs"'}, "platformOS answered JSON that is not an object for environment {}."),
    "logs-object": (
        {"body": b'{"logs":{"id":3}}'},
        "platformOS answered `logs` that is not a list for environment {}.",
    ),
    "logs-text": ({"body": b'{"logs":"none"}'}, "platformOS answered `logs` that is not a list for environment {}."),
    "short": ({"raw": HEAD + b"Content-Length: 500\r\n\r\n" + ROWS}, BROKEN),
    "nothing-of-it": ({"raw": HEAD + b"Content-Length: 500\r\n\r\n"}, BROKEN),
    "chunks": ({"raw": HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(ROWS), ROWS)}, BROKEN),
    "no-chunk": ({"raw": HEAD + b"Transfer-Encoding: chunked\r\n\r\n"}, BROKEN),
    "no-http": ({"raw": b"SSH-2.0-OpenSSH_9.9\r\n"}, "Connection failed: environment {} "),
    "no-gzip": (
        {"body": b'{"logs":[]}', "headers": {"Content-Encoding": "gzip"}},
        "Connection failed: environment {} sent an answer that cannot be decompressed.",
    ),
    "half-gzip": (
        {"body": gzip.compress(ROWS * 9)[:60], "headers": {"Content-Encoding": "gzip"}},
        "{}",
    ),
}
NO_ROWS: dict[str, dict[str, Any]] = {
    "empty": {"body": b""},
    "blank": {"body": b" \r\n\t\n"},
    "empty-until-close": {"raw": HEAD + b"Connection: close\r\n\r\n"},
    "empty-chunks": {"raw": HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"},
    "no-logs": {"body": b"{}"},
    "other-keys": {"body": b'{"status":"ok","rows":[{"id":3}]}'},
    "null-logs": {"body": b'{"logs":null}'},
    "none": {"body": b'{"logs":[]}'},
}


def test_an_answer_that_is_no_log_is_a_failed_poll_and_nothing_is_lost(server: Callable[..., Server]) -> None:
    """HTML, text, cut JSON, other JSON and answers that break off each give one error, then every row comes."""
    with stand_ins(*FAILED) as instances, ExitStack() as stack:
        running = server(environments=instances)
        readers = {
            name: stack.enter_context(follow(running, name, (STREAM, LIVE)[index % 2], gzip=index % 3 == 0))
            for index, name in enumerate(instances)
        }
        for platformos in instances.values():
            platformos.add_many(2)
        for name, platformos in instances.items():
            arrived(readers[name], "2")
            platformos.fail("raw", **FAILED[name][0])
            platformos.add_many(2)
        for name in instances:
            (sentence,) = wait_told(readers[name])
            wanted = FAILED[name][1].format(name)
            assert sentence.startswith(wanted) if wanted.endswith(" ") else wanted in (sentence, name), (name, sentence)
        assert all(tries(running).values())
        for platformos in instances.values():
            platformos.heal()
        all_lossless((platformos, [readers[name]]) for name, platformos in instances.items())
        for name in instances:
            assert len(told(readers[name])) == 1, name
        assert not any(tries(running).values())
        assert "Traceback" not in running.output


def test_a_head_that_breaks_off_is_a_failed_poll(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A connection that ends amid the headers does not count as an empty answer."""
    running = server()
    platformos.add_many(2)
    with follow(running) as reader:
        arrived(reader, "2")
        platformos.fail("raw", times=1, raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le")
        (sentence,) = wait_told(reader)
        assert sentence == BROKEN.format("staging")
        lossless(platformos, reader)


def test_an_empty_body_and_a_missing_logs_mean_no_rows(server: Callable[..., Server]) -> None:
    """There is no error and no back-off: the next questions come at the interval, and then every row."""
    with stand_ins(*NO_ROWS) as instances, ExitStack() as stack:
        running = server(environments=instances)
        readers = {name: stack.enter_context(follow(running, name)) for name in instances}
        asked = {}
        for platformos in instances.values():
            platformos.add_many(2)
        for name, platformos in instances.items():
            arrived(readers[name], "2")
            platformos.fail("raw", **NO_ROWS[name])
            asked[name] = len(platformos.requests)
            platformos.add_many(2)
        for name, platformos in instances.items():
            platformos.wait_for_requests(asked[name] + 5)
            assert readers[name].entry_ids == ["1", "2"]
        assert not any(tries(running).values())
        for platformos in instances.values():
            platformos.heal()
        all_lossless((platformos, [readers[name]]) for name, platformos in instances.items())
        for name in instances:
            assert told(readers[name]) == [], name


def test_a_stream_that_begins_with_bad_answers_gets_everything_in_the_end(server: Callable[..., Server]) -> None:
    """Bad answers come before the first good one, to readers that share a poller and to ones that ask by themselves."""
    with stand_ins("staging") as instances, ExitStack() as stack:
        platformos = instances["staging"]
        platformos.add_many(6)
        platformos.fail("raw", body=b"<html>")
        running = server(environments=instances)
        first = stack.enter_context(follow(running, lastId="4"))
        others = [stack.enter_context(follow(running, lastId="2")), stack.enter_context(follow(running, tail=3))]
        for reader in (first, *others):
            wait_told(reader)
        platformos.heal()
        others[1].wait_entries(3)
        lossless(platformos, first, ids=["5", "6"])
        for reader, begin in zip(others, (2, 3), strict=True):
            arrived(reader, platformos.ids[-1])
            assert reader.entry_ids == platformos.ids[begin:]
            assert told(reader) == ["platformOS answered HTML for environment staging."]
