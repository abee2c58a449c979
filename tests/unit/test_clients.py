"""Who may ask: what clients.json promises to say."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poslogs.access import clients_file
from poslogs.access.client import MAX_TOKEN_BYTES, REQUESTS, STREAMS, Client
from poslogs.access.clients import Clients
from poslogs.errors import ConfigError
from poslogs.platformos.environments import Environment
from tests.support.tries import tries

TOKEN = "s3cret-of-mine"


def env(name: str, *, demo: bool = False) -> Environment:
    return Environment(name, "https://example.com", demo=demo)


def clients(folder: Path, value: object) -> Clients:
    path = folder / "clients.json"
    path.write_text(json.dumps(value))
    return Clients(path)


def holder(folder: Path, **fields: object) -> Client:
    found = clients(folder, {"mine": {"token": TOKEN, **fields}}).holder(TOKEN.encode())
    assert found is not None
    return found


def test_the_holder_of_a_token_is_found_and_nobody_else(tmp_path: Path) -> None:
    """The token must match byte by byte."""
    both = clients(tmp_path, {"one": {"token": "aaa"}, "two": {"token": "bbb", "name": "Two"}})
    assert both.holder(b"bbb") == Client(id="two", name="Two", digest=sha256(b"bbb").digest())
    for wrong in (b"", b"ccc", b"AAA", b"aaa ", b" aaa", b"aa", b"aaab", b"\xff", b"aaa\0", b"a" * 1_000_000):
        assert both.holder(wrong) is None


def test_a_client_has_the_guide_s_limits_and_all_environments(tmp_path: Path) -> None:
    """They are 100 requests a minute, 20 in ten seconds, 10 streams. Without a name the id is the name."""
    mine = holder(tmp_path)
    assert (mine.requests, mine.streams, mine.name) == ("100 per minute; 20 per 10 seconds", 10, "mine")
    assert mine.may_read(env("staging"))
    assert mine.may_read(env("anything"))


def test_a_client_may_be_known_by_the_hash_of_its_token(tmp_path: Path) -> None:
    """The digits may be in either case, and the token itself is nowhere in the file."""
    digest = sha256(b"hidden").hexdigest()
    for text in (digest, digest.upper()):
        found = clients(tmp_path, {"mine": {"token_sha256": text}}).holder(b"hidden")
        assert found is not None
        assert found.id == "mine"
        assert clients(tmp_path, {"mine": {"token_sha256": text}}).holder(digest.encode()) is None


def test_a_client_reads_its_environments_only(tmp_path: Path) -> None:
    """`envs` names them exactly; an empty list means none."""
    mine = holder(tmp_path, envs=["staging"])
    assert mine.may_read(env("staging"))
    assert not mine.may_read(env("Staging"))
    assert not mine.may_read(env("production"))
    assert not holder(tmp_path, envs=[]).may_read(env("staging"))


def test_a_client_may_have_limits_of_its_own(tmp_path: Path) -> None:
    """It may have one of them or both; 0 streams means none."""
    assert (holder(tmp_path, limits={"streams": 3}).requests, holder(tmp_path, limits={"streams": 0}).streams) == (
        REQUESTS,
        0,
    )
    mine = holder(tmp_path, limits={"requests": "5 per second; 1000/hour"})
    assert (mine.requests, mine.streams) == ("5 per second; 1000/hour", STREAMS)


@pytest.mark.parametrize(
    "token",
    ["your-client-secret-here", "your-token", "client-secret", "paste-a-token-here", "<client-secret>", "<token>"],
)
def test_the_tokens_that_the_documents_print_are_published_ones(tmp_path: Path, token: str) -> None:
    """They are, even by their hash. They open only a demo, even if the file names a real environment."""
    for fields in ({"token": token}, {"token_sha256": sha256(token.encode()).hexdigest()}):
        found = clients(tmp_path, {"mine": fields}).holder(token.encode())
        assert found is not None
        assert found.published
        assert found.may_read(env("staging", demo=True))
        assert not found.may_read(env("staging"))
    assert not holder(tmp_path).published


def test_no_token_shows_when_a_client_is_printed(tmp_path: Path) -> None:
    """Neither the token nor its hash is shown."""
    mine = holder(tmp_path)
    assert TOKEN not in repr(mine)
    assert sha256(TOKEN.encode()).hexdigest() not in repr(mine)
    assert str(mine.digest) not in repr(mine)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], 'it must be an object such as {"default": {"token": "…", "name": "…"}}.'),
        ({}, 'it must be an object such as {"default": {"token": "…", "name": "…"}}.'),
        ("x", 'it must be an object such as {"default": {"token": "…", "name": "…"}}.'),
        ({"a": 1}, "client a must be an object with a token."),
        ({"a": {}}, "client a must have a token or a token_sha256, and not both."),
        (
            {"a": {"token": "x", "token_sha256": "0" * 64}},
            "client a must have a token or a token_sha256, and not both.",
        ),
        ({"a": {"token": ""}}, "the token of client a must be 1 to 4096 printable ASCII characters."),
        ({"a": {"token": "with space"}}, "the token of client a must be 1 to 4096 printable ASCII characters."),
        ({"a": {"token": "é"}}, "the token of client a must be 1 to 4096 printable ASCII characters."),
        ({"a": {"token": "x\n"}}, "the token of client a must be 1 to 4096 printable ASCII characters."),
        ({"a": {"token": 5}}, "the token of client a must be 1 to 4096 printable ASCII characters."),
        (
            {"a": {"token": "x" * (MAX_TOKEN_BYTES + 1)}},
            "the token of client a must be 1 to 4096 printable ASCII characters.",
        ),
        ({"a": {"token_sha256": "abc"}}, "token_sha256 of client a must be 64 hexadecimal digits."),
        (
            {"a": {"token_sha256": "0" * 64 + "  -"}},
            "token_sha256 of client a must be 64 hexadecimal digits alone; leave out the blanks and the `-` that "
            "sha256sum puts after them.",
        ),
        ({"a": {"token_sha256": "g" * 64}}, "token_sha256 of client a must be 64 hexadecimal digits."),
        ({"a": {"token": "x"}, "b": {"token": "x"}}, "clients a and b have the same token."),
        (
            {"a": {"token": "x"}, "b": {"token_sha256": sha256(b"x").hexdigest()}},
            "clients a and b have the same token.",
        ),
        (
            {"a": {"token": "x", "env": ["staging"]}},
            "client a has an unknown field env; it takes envs, limits, name, token, token_sha256.",
        ),
        ({"a": {"token": "x", "envs": "staging"}}, "envs of client a must be a list of environment names."),
        ({"a": {"token": "x", "envs": [1]}}, "envs of client a must be a list of environment names."),
        (
            {"a": {"token": "x", "limits": []}},
            'limits of client a must be like {"requests": "100 per minute; 20 per 10 seconds", "streams": 10}.',
        ),
        (
            {"a": {"token": "x", "limits": {"stream": 1}}},
            'limits of client a must be like {"requests": "100 per minute; 20 per 10 seconds", "streams": 10}.',
        ),
        (
            {"a": {"token": "x", "limits": {"requests": "often"}}},
            'requests in the limits of client a must be like "100 per minute; 20 per 10 seconds".',
        ),
        (
            {"a": {"token": "x", "limits": {"requests": "1 per 0 second"}}},
            'requests in the limits of client a must be like "100 per minute; 20 per 10 seconds".',
        ),
        (
            {"a": {"token": "x", "limits": {"requests": "100 per minute; 0 per second"}}},
            'requests in the limits of client a must be like "100 per minute; 20 per 10 seconds".',
        ),
        (
            {"a": {"token": "x", "limits": {"requests": 5}}},
            'requests in the limits of client a must be like "100 per minute; 20 per 10 seconds".',
        ),
        (
            {"a": {"token": "x", "limits": {"requests": ""}}},
            'requests in the limits of client a must be like "100 per minute; 20 per 10 seconds".',
        ),
        (
            {"a": {"token": "x", "limits": {"streams": -1}}},
            "streams in the limits of client a must be a whole number from 0 to 1000000.",
        ),
        (
            {"a": {"token": "x", "limits": {"streams": True}}},
            "streams in the limits of client a must be a whole number from 0 to 1000000.",
        ),
        (
            {"a": {"token": "x", "limits": {"streams": "5"}}},
            "streams in the limits of client a must be a whole number from 0 to 1000000.",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path: Path, value: object, sentence: str) -> None:
    """One sentence says which client and what to change, and never holds a token."""
    with pytest.raises(ConfigError) as error:
        clients(tmp_path, value)
    assert str(error.value) == f"{tmp_path / 'clients.json'}: {sentence}"


def test_a_token_of_the_longest_length_is_taken(tmp_path: Path) -> None:
    """The longest has 4096 characters."""
    assert clients(tmp_path, {"a": {"token": "x" * MAX_TOKEN_BYTES}}).holder(b"x" * MAX_TOKEN_BYTES)


def test_a_token_that_is_taken_away_opens_nothing_from_then_on(tmp_path: Path) -> None:
    """The file is followed. A client that is renamed or has another token counts as another client."""
    all_ = clients(tmp_path, {"a": {"token": "x"}, "b": {"token": "y"}, "c": {"token": "z"}})
    a, b, c = (all_.holder(token) for token in (b"x", b"y", b"z"))
    assert a and b and c  # noqa: PT018
    clients(tmp_path, {"a": {"token": "x", "envs": ["staging"]}, "b": {"token": "new"}, "other": {"token": "z"}})
    assert all_.refresh() is True
    now = all_.still(a)
    assert now is not None
    assert now.envs == {"staging"}
    assert all_.still(b) is None
    assert all_.still(c) is None
    assert all_.holder(b"y") is None
    assert all_.refresh() is False


def test_a_file_that_breaks_leaves_the_last_good_clients(tmp_path: Path) -> None:
    """A save that was cut in the middle locks nobody out."""
    all_ = clients(tmp_path, {"a": {"token": "x"}})
    (tmp_path / "clients.json").write_text('{"a": {"tok')
    assert all_.refresh() is False
    assert all_.holder(b"x") is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "token": st.sampled_from(["a", "b", "c"]) | JSON,
        "token_sha256": JSON,
        "name": JSON,
        "envs": st.lists(st.text(max_size=5), max_size=3) | JSON,
        "limits": st.fixed_dictionaries({}, optional={"requests": st.text(max_size=20) | JSON, "streams": JSON}) | JSON,
    },
)


@tries(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.dictionaries(st.text(max_size=8), FIELDS | JSON, max_size=3) | JSON)
def test_any_json_is_clients_or_a_sentence(tmp_path: Path, value: object) -> None:
    """No content of a file ends in anything else."""
    path = tmp_path / "clients.json"
    path.write_text(json.dumps(value))
    sentence = str(path)
    try:
        assert all(client.digest == digest for digest, client in Clients(path).all().items())
    except ConfigError as error:
        sentence = str(error)
    assert sentence.startswith(str(path))


def test_those_that_came_are_taken_until_there_is_a_file_of_one_s_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Then only that counts. One that cannot be used is reported once, and changes nothing."""
    own, came = tmp_path / "clients.json", tmp_path / "came.json"
    came.write_text(json.dumps({"default": {"token": "your-token"}}))
    both = Clients(own, came)
    assert (both.path, both.refresh()) == (came, False)
    assert both.holder(b"your-token") is not None
    own.write_text("{")
    assert [both.refresh(), both.refresh()] == [False, False]
    assert [record.getMessage() for record in caplog.records] == [
        f"{own} is not valid JSON (line 1, column 2). {came} stays in use."
    ]
    assert both.holder(b"your-token") is not None
    own.write_text(json.dumps({"mine": {"token": TOKEN}}))
    assert both.refresh()
    assert both.path == own
    assert (both.holder(b"your-token"), both.holder(TOKEN.encode()) is None) == (None, False)
    own.write_text(json.dumps({"mine": {"token": "another-of-mine"}}))
    assert both.refresh()
    assert both.holder(TOKEN.encode()) is None


def test_of_the_clients_that_come_with_poslogs_only_published_ones_are_known(tmp_path: Path) -> None:
    """A token of the person who built the package opens nothing elsewhere, and goes into no file that is made there."""
    first, own = tmp_path / "shipped.json", tmp_path / "clients.json"
    builder = {"token": "the-builder-s-own-token"}
    first.write_text(json.dumps({"default": {"token": "your-client-secret-here"}, "builder": builder}))
    clients = Clients(own, first)
    assert clients.holder(b"the-builder-s-own-token") is None
    assert clients.only_published
    assert clients.holder(b"your-client-secret-here") is not None
    clients_file.add(own, "alice", "a-token-that-alice-has", first=first)
    assert list(json.loads(own.read_text())) == ["default", "alice"]
    assert clients.refresh()
    assert clients.holder(b"the-builder-s-own-token") is None
    assert clients.holder(b"a-token-that-alice-has") is not None
