"""Fault 13: JSON that is hard to take: a valid frame or a counted refusal, never a dead stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack

from tests.faults.upstream import (
    FETCH,
    LIVE,
    arrived,
    follow,
    lossless,
    stand_ins,
    told,
    unbroken,
    wait_told,
)
from tests.support.platformos import PlatformOS
from tests.support.rows import RawJson
from tests.support.server import Server
from tests.support.transcript import Transcript, chunks_hold_whole_frames

DIGITS = b"9" * 5000


def deep(depth: int) -> bytes:
    """Lists nested in lists."""
    return b"[" * depth + b"]" * depth


def deep_object(depth: int) -> bytes:
    """Objects nested in objects."""
    return b'{"a":' * depth + b"1" + b"}" * depth


def row(number: int, **fields: bytes) -> RawJson:
    """A row of these fields, sent as they are."""
    parts = [b'"id":%d' % number, *(b'"%s":%s' % (name.encode(), value) for name, value in fields.items())]
    return RawJson(b"{" + b",".join(parts) + b"}")


VALUES: dict[str, tuple[bytes, object]] = {  # a message as it is sent, and as it is read; None: it may be left out
    "NaN": (b"NaN", ""),
    "Infinity": (b"Infinity", ""),
    "-Infinity": (b"-Infinity", ""),
    "1e999": (b"1e999", ""),
    "digits": (DIGITS, None),
    "fraction": (b"0." + DIGITS, None),
    "minus": (b"-" + DIGITS, None),
    "high-surrogate": (b'"a\\ud800b"', "a\ufffdb"),
    "low-surrogate": (b'"a\\udc00b"', "a\ufffdb"),
    "wrong-pair": (b'"\\udc00\\ud800"', "\ufffd\ufffd"),
    "pair": (b'"\\ud83d\\ude00"', "\U0001f600"),
    "nul": (b'"a\\u0000b"', "a\0b"),
    "raw-nul": (b'"a\x00b"', "a\0b"),
    "controls": (b'"\\u0001\\u001b\\u007f\\u0080\\u0085"', "\x01\x1b\x7f\x80\x85"),
    "raw-controls": (b'"\x01\t\n\r\x1b\x7f"', "\x01\t\n\r\x1b\x7f"),
    "separators": (b'"\\u2028\\u2029"', "\u2028\u2029"),
    "raw-separators": ('"\u2028\u2029"'.encode(), "\u2028\u2029"),
    "no-utf-8": (b'"a\xff\xfe\xc3b"', "a\ufffd\ufffd\ufffdb"),
    "cesu-8": (b'"\xed\xa0\x80"', None),
    "overlong": (b'"\xc0\x80"', None),
    "bom": ('"\ufeff"'.encode(), "\ufeff"),
    "noncharacters": (b'"\\uffff\\ufffe\\ufdd0"', "\uffff\ufffe\ufdd0"),
    "deep-200": (deep(200), deep(200).decode()),
    "deep-300": (deep(300), None),
    "deep-1020": (deep(1020), None),
    "deep-1100": (deep(1100), None),
    "deep-object-5000": (deep_object(5000), None),
    "deep-100000": (deep(100_000), None),
    "deep-text": (json.dumps("[" * 100_000).encode(), "[" * 100_000),
    "logs-text": (b'"\\"logs\\":[{\\"id\\":1}]"', '"logs":[{"id":1}]'),
}


def fine(reader: Transcript) -> None:
    """Assert that what came is valid to the last byte: the strict parser took it, and no frame breaks a line."""
    raw = b"".join(frame.raw for frame in reader.frames)
    for sign in (b"\r", b"\0", "\u2028".encode(), "\u2029".encode()):
        assert sign not in raw
    raw.decode()


def test_a_hard_message_is_an_entry_or_a_counted_refusal(server: Callable[..., Server]) -> None:
    """Each kind comes in its own environment, between good rows. These arrive, and so do later ones."""
    with stand_ins(*VALUES) as instances, ExitStack() as stack:
        for name, (message, _) in VALUES.items():
            instances[name].add({"message": "before"})
            instances[name].stray(row(2, message=message, error_type=b'"info"'))
            instances[name].add({"message": "after"})
        running = server(environments=instances)
        readers = {
            name: stack.enter_context(follow(running, name, gzip=index % 2 == 1))
            for index, name in enumerate(instances)
        }
        for platformos in instances.values():
            platformos.add({"message": "later"})
        for name, reader in readers.items():
            arrived(reader, "4")
            by_id = {entry["id"]: entry for entry in reader.entries}
            assert len(by_id) == len(reader.entries), name
            assert [by_id[number]["message"] for number in ("1", "3", "4")] == ["before", "after", "later"], name
            wanted = VALUES[name][1]
            if "2" in by_id:
                assert isinstance(by_id["2"]["message"], str)
                assert wanted is None or by_id["2"]["message"] == wanted, (name, by_id["2"]["message"][:80])
                assert told(reader) == [], name
            else:
                assert wanted is None, (name, told(reader))
                (sentence,) = wait_told(reader)
                assert sentence.startswith(f"1 row was left out of environment {name}: a row "), sentence
            fine(reader)
            assert chunks_hold_whole_frames(reader) or "content-encoding" in reader.headers
        assert "Traceback" not in running.output


def test_a_hard_value_in_any_other_field_spoils_no_other_row(server: Callable[..., Server]) -> None:
    """All come in one answer, each in a row of its own, between good rows that all arrive."""
    with stand_ins("data", "error_type", "created_at", "unknown", "id") as instances, ExitStack() as stack:
        running = server(environments=instances)
        rows: dict[str, int] = {}
        for field, platformos in instances.items():
            platformos.page = 200
            for name, (value, _) in VALUES.items():
                if (field, name) == ("id", "fraction") or len(value) > 50_000:
                    continue  # as a double the fraction is 1, and 1 is there; the longest would take their time
                number = platformos.add({"message": "good"})[0] + 1
                if field == "id":
                    platformos.stray(RawJson(b'{"id":%s,"message":"x"}' % value))
                else:
                    platformos.stray(row(number, message=b'"hard"', **{field: value}))
            platformos.add({"message": "good"})
            rows[field] = len(platformos.ids)
        readers = {
            field: (
                stack.enter_context(follow(running, field)),
                stack.enter_context(follow(running, field, LIVE, gzip=True)),
            )
            for field in instances
        }
        for field, platformos in instances.items():
            good = [str(number) for number, listed in platformos.rows.items() if not isinstance(listed, RawJson)]
            for reader in readers[field]:
                arrived(reader, good[-1])
                assert sorted(good, key=int) == [e["id"] for e in reader.entries if e["message"] == "good"]
                assert len(set(reader.entry_ids)) == len(reader.entries)
                refused = rows[field] - len(reader.entries)
                sentence = f"{refused} rows were left out of environment {field}: a row "
                assert not refused or wait_told(reader)[0].startswith(sentence), told(reader)
                assert len(told(reader)) == bool(refused)
            later = platformos.add({"message": "later"})
            for reader in readers[field]:
                arrived(reader, str(later[0]))
                fine(reader)
            fetched = running.call(FETCH, {"env": field, "limit": 1000})["logs"]
            assert [entry["id"] for entry in fetched] == readers[field][0].entry_ids
        assert "Traceback" not in running.output


def test_keys_may_be_hard_too(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Names in `data` may hold surrogates, NUL, line ends and protocol words, and may come twice."""
    keys = [
        b'"\\ud800"',
        b'"\\u0000"',
        b'"\\u2028\\n"',
        b'"data: x\\n\\n"',
        b'""',
        b'"__proto__"',
        b'"same"',
        b'"same"',
    ]
    platformos.stray(row(1, message=b'"keys"', data=b"{" + b",".join(key + b":1" for key in keys) + b"}"))
    with follow(server()) as reader:
        (entry,) = reader.wait_entries(1)
        assert set(entry["data"]) == {"\ufffd", "\0", "\u2028\n", "data: x\n\n", "", "__proto__", "same"}
        platformos.add({})
        arrived(reader, "2")
        fine(reader)


def test_large_ids_stay_exact_beside_hard_rows(server: Callable[..., Server]) -> None:
    """An id of 18 or 19 digits is the same whether or not another row of the answer needs the lenient parser."""
    numbers = {"nines": 999_999_999_999_999_999, "digits": 1_234_567_890_123_456_789, "last": 2**63 - 10}
    with stand_ins(*numbers) as instances:
        running = server(environments=instances)
        for name, number in numbers.items():
            platformos = instances[name]
            platformos.add({"id": number, "message": "first"})
            with follow(running, name) as plain, follow(running, name, LIVE) as live:
                for reader in (plain, live):
                    arrived(reader, str(number))
                platformos.stray(row(number + 1, message=b"NaN", data=b'{"order":%d}' % number))
                platformos.add({"message": "third"})
                for reader in (plain, live):
                    arrived(reader, str(number + 2))
                    assert reader.entry_ids == [str(number + more) for more in range(3)]
                    assert reader.entries[1]["data"] == {"order": number}
            with follow(running, name, headers={"Last-Event-ID": str(number + 1)}) as resumed:
                arrived(resumed, str(number + 2))
                assert resumed.entry_ids == [str(number + 2)]


def test_what_is_no_row_is_counted_beside_a_row_that_is_too_deep(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Scalars between rows are counted even if one row must be cut out by its brackets."""
    platformos.add({"message": 'a ] } [ { \\ " text'})
    for stray in (b"17", b'"text, [1]"', b"null", b"[]", b'{"no":"id"}'):
        platformos.stray(RawJson(stray))
    platformos.stray(row(7, data=deep_object(50_000)))
    platformos.add({"message": "last"})
    with follow(server()) as reader:
        arrived(reader, "8")
        assert reader.entry_ids == ["1", "8"]
        (sentence,) = wait_told(reader)
        assert sentence.startswith("6 rows were left out of environment staging: "), sentence


def test_a_page_full_of_rows_that_are_too_deep_is_passed(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """The rows have ids, in any order of their fields, so what comes after them is asked for."""
    platformos.page = 5
    platformos.add({})
    for number in range(2, 7):
        platformos.stray(row(number, data=deep(3000)))
    platformos.add({})
    for number in range(8, 13):
        platformos.stray(RawJson(b'{"data":%s,"message":"deep","id":%d}' % (deep(3000), number)))
    platformos.add({})
    with follow(server()) as reader:
        arrived(reader, "7")
        arrived(reader, "13", timeout=5)
        assert reader.entry_ids == ["1", "7", "13"]


def test_a_cut_answer_full_of_quotes_and_depth_stalls_nobody(server: Callable[..., Server]) -> None:
    """A row that is too deep, then a message full of quotes that breaks off, is a failed poll within a short time."""
    with stand_ins("staging", "production") as instances:
        running = server(environments=instances, env={"POSLOGS_HEARTBEAT_SECONDS": "0.3"})
        staging = instances["staging"]
        body = b'{"logs":[{"id":3,"data":' + deep(2000) + b'},{"id":4,"message":"' + b'\\"quoted\\"' * 40_000
        with follow(running) as reader, follow(running, "production") as other:
            staging.add_many(2)
            arrived(reader, "2")

            def be_cut_off() -> None:
                before = len(reader.errors)
                staging.fail("raw", times=1, body=body)
                sentences = wait_told(reader, before + 1)
                assert sentences == ["platformOS answered JSON that is cut off for environment staging."] * (before + 1)
                arrived(reader, str(staging.add({})[0]))

            unbroken(be_cut_off, 2.5, other)
            lossless(staging, reader)
