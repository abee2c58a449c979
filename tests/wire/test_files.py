"""`.pos` and clients.json are followed while the server runs; a broken one is reported, and the last good one kept."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import (
    OTHER,
    PLENTY,
    READER,
    STREAM,
    asking,
    clients,
    get,
    open_streams,
    post,
    unharmed,
    wait_for,
)

KINDS = ["gevent", "gthread"]
KEPT = "The last good one stays in use."
WITH_OTHER = clients(other={"token": OTHER, "limits": PLENTY})
BROKEN = ["", '{"staging": {"url": "https://exa', "[]", '{"staging": {}}']


def write(path: Path, value: Any, encoding: str = "utf-8") -> None:
    """Write a file in one step, as editors do."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(value if isinstance(value, str) else json.dumps(value), encoding)
    fresh.replace(path)


def following(server: Server, env: str = "staging", **kw: Any) -> Reader:
    """A stream that is quick to notice."""
    reader = server.stream(STREAM, {"env": env, "interval": 250}, **{"token": READER, **kw})
    assert reader.status == 200, reader.dump()
    return reader


def names(server: Server) -> list[str]:
    """The environments that the server says it serves."""
    return [env["name"] for env in json.loads(get(server, "/health").body)["environments"]]


def wait_kept(server: Server, times: int) -> None:
    """Wait until the server has logged `times` times that it keeps the last good file."""
    server.out.wait_until(lambda text: text.count(KEPT) == times)


@pytest.mark.parametrize("kind", KINDS)
def test_a_renewed_token_is_used_without_a_restart_and_running_streams_go_on(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """platformOS renews the token between two polls, and `.pos` follows: streams old and new go on without an error."""
    running = server(kind, clients=clients())
    platformos.add({})
    with running.stream(STREAM, {"env": "staging", "interval": 3000}, token=READER) as reader:
        reader.wait_entries(1)
        platformos.wait_until(lambda: platformos.requests[-1].last_id == "1" and not platformos.in_flight)
        platformos.token = "renewed"
        running.write_pos({"staging": platformos})
        assert names(running) == ["staging"]  # any request has the file looked at
        platformos.add({}, {})
        reader.wait_entries(3)
        assert platformos.requests[-1].headers["Authorization"] == "Token renewed"
        assert reader.entry_ids == ["1", "2", "3"]
        assert reader.errors == []
        with following(running) as another:
            another.wait_entries(3)
    assert "renewed" not in running.output
    unharmed(running)


def test_a_token_that_was_refused_works_again_as_soon_as_it_is_renewed(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """platformOS refuses the token, so the stream ends. Once `.pos` is renewed the very next request is served."""
    running = server(clients=clients())
    platformos.add({})
    platformos.token = "renewed"
    with following(running) as refused:
        refused.wait_end()
        assert refused.done
        assert "pos-cli env refresh-token staging" in refused.errors[0]["message"]
    running.write_pos({"staging": platformos})
    with following(running) as reader:
        assert reader.wait_entries(1)[0]["id"] == "1"
        assert reader.errors == []
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pos_that_appears_ends_the_demo(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path, kind: str
) -> None:
    """The simulated streams end with a reason and done within seconds, by themselves, and the real ones begin."""
    running = server(kind, folder=tmp_path, environments=None, clients=clients())
    platformos.add({})
    with following(running) as staging, following(running, "production") as production:
        staging.wait_entries(1)
        production.wait_entries(1)
        running.write_pos({"staging": platformos})
        for demo, name in ((staging, "staging"), (production, "production")):
            demo.wait_end()
            assert demo.done
            assert [error["message"] for error in demo.errors] == [f"Environment {name} is no longer served here."]
    assert names(running) == ["staging"]
    assert "demo" not in json.loads(get(running, "/tools").body)
    with following(running) as real:
        assert [entry["message"] for entry in real.wait_entries(1)] == ["row 1"]
    unharmed(running)


def test_a_pos_that_appears_broken_is_told_and_the_demo_goes_on(server: Callable[..., Server], tmp_path: Path) -> None:
    """The first `.pos` of a person has a comma too many, and the log says so."""
    running = server(folder=tmp_path, environments=None, clients=clients())
    write(running.pos_file, BROKEN[1])
    wait_for(lambda: names(running) == ["staging", "production"])
    running.wait_output(".pos is not valid JSON")


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_pos_is_told_once_and_the_last_good_one_kept(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """An empty, cut, wrong or missing file is logged once, and streams old and new go on. Once mended, it is read."""
    running = server(kind, clients=clients())
    with following(running) as reader:
        for number, broken in enumerate([*BROKEN, None], 1):
            if broken is None:
                running.pos_file.unlink()
            else:
                write(running.pos_file, broken)
            assert names(running) == ["staging"]  # any request has the file looked at
            wait_kept(running, number)
            platformos.add({})
            reader.wait_entries(number)
            assert post(running, asking()).is_stream
        running.write_pos({"staging": platformos, "mended": platformos})
        wait_for(lambda: names(running) == ["staging", "mended"])
        platformos.add({})
        reader.wait_entries(len(BROKEN) + 2)
        assert running.output.count(KEPT) == len(BROKEN) + 1
        assert [line.count(".pos") for line in running.output.splitlines() if KEPT in line] == [1] * (len(BROKEN) + 1)
        assert reader.errors == []
    unharmed(running)


UNFINISHED = {"url": "https://half.example.com", "email": "dev@example.com"}
NO_TOKEN = "environment half has no token; run `pos-cli env add half`."


def half_of(server: Server) -> str:
    """The sentence that a request for `half` gets."""
    refused = post(server, asking().replace(b"staging", b"half"))
    assert refused.status == 400, refused
    return refused.sentence


@pytest.mark.parametrize(
    ("kind", "how"), [("gevent", "edit"), ("gthread", "edit"), ("gevent", "reload"), ("gevent", "restart")]
)
def test_one_unfinished_environment_is_named_and_a_renewed_token_beside_it_is_taken(
    server: Callable[..., Server], platformos: PlatformOS, kind: str, how: str
) -> None:
    """Both come in one edit of `.pos`, which is read while the server runs, at SIGHUP, or at a restart."""
    running = server(kind, clients=clients())
    platformos.add({})
    platformos.token = "renewed"
    with following(running) as refused:
        refused.wait_end()
    running.write_pos({"half": UNFINISHED, "staging": platformos, "$schema": {"url": "https://example.com/schema"}})
    if how == "reload":
        worker = running.worker_pid()
        running.signal(signal.SIGHUP)
        wait_for(lambda: worker not in running.worker_pids() and bool(running.worker_pids()), timeout=15)
        running.wait_live()
    elif how == "restart":
        running.stop()
        running.start()
    with following(running) as reader:
        reader.wait_entries(1)
        assert reader.errors == []
    assert names(running) == ["staging"]
    assert half_of(running) == f"In the server's .pos, {NO_TOKEN}"
    told = json.loads(get(running, "/health").body)
    assert (told["status"], [each["name"] for each in told["unusable"]]) == ("ok", ["half", "$schema"])
    assert told["unusable"][0]["error"] == NO_TOKEN
    running.wait_output(f".pos: {NO_TOKEN} The others are served.")
    unharmed(running)


def test_an_environment_that_becomes_unfinished_ends_its_streams_with_what_is_wrong(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Its own streams get the command that mends it; those of other environments never notice."""
    running = server(clients=clients(), environments={"staging": platformos, "half": platformos})
    with following(running) as stays, following(running, "half") as ends:
        running.write_pos({"staging": platformos, "half": UNFINISHED})
        ends.wait_end()
        assert ends.done
        told = [f"Environment half is no longer served here: {NO_TOKEN}"]
        assert [error["message"] for error in ends.errors] == told
        platformos.add({})
        stays.wait_entries(1)
        running.write_pos({"staging": platformos, "half": platformos})
        with following(running, "half") as again:
            again.wait_entries(1)
        assert stays.errors == []
    unharmed(running)


def test_agents_and_clients_of_other_environments_are_told_what_they_may_know(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """At /mcp the sentence is the same, and it names no environment that a token may not read."""
    only = clients(other={"token": OTHER, "envs": ["staging"], "limits": PLENTY})
    running = server(clients=only, environments={"staging": platformos, "half": UNFINISHED})
    call = {"name": "platformos_logs_fetch", "arguments": {"env": "half"}}
    asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    answer = json.loads(post(running, asked, path="/mcp").body)
    assert answer["result"]["content"][0]["text"] == f"In the server's .pos, {NO_TOKEN}"
    assert b"half" not in get(running, "/health", token=OTHER).body
    refused = post(running, asking().replace(b"staging", b"half"), token=OTHER)
    assert (refused.status, "known: staging" in refused.sentence) == (400, True)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_file_in_another_encoding_is_told_and_the_last_good_one_kept(
    server: Callable[..., Server], platformos: PlatformOS, encoding: str
) -> None:
    """PowerShell's `>` writes UTF-16, an old editor Windows-1252. The log names the encoding and says what to do."""
    running = server(clients=clients())
    pos = json.dumps({"staging": platformos.environment, "größe": platformos.environment}, ensure_ascii=False)
    people = json.dumps(clients(größe={"token": OTHER}), ensure_ascii=False)
    sign = "it is UTF-16; save it as UTF-8." if encoding == "utf-16" else "perhaps Windows-1252, at line 1, column "
    served = ["staging"]
    for number, (path, text) in enumerate(((running.pos_file, pos), (running.clients_file, people)), 1):
        write(path, text, encoding)
        assert names(running) == served
        wait_kept(running, number)
        assert running.output.count(f"{path.name} is not valid JSON: it ") == 1
        assert running.output.count(sign) == number
        write(path, text, "utf-8-sig")
        served = ["staging", "größe"]
        assert names(running) == served
    assert get(running, "/health", token=OTHER).status == 200
    unharmed(running)


def test_a_file_that_is_written_in_two_steps_is_read_when_it_is_whole(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """After half of `.pos` and then the rest, in place, streams go on, and the new environment is there."""
    running = server(clients=clients())
    text = json.dumps({"staging": platformos.environment, "later": platformos.environment})
    with following(running) as reader:
        with running.pos_file.open("w") as file:
            file.write(text[:40])
            file.flush()
            running.wait_output(KEPT)
            file.write(text[40:])
        wait_for(lambda: names(running) == ["staging", "later"])
        platformos.add({})
        reader.wait_entries(1)
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_an_environment_that_leaves_pos_ends_its_streams_and_no_others(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """It is removed, then moved to another address. Its streams end with the reason and done; others never notice."""
    with PlatformOS() as elsewhere:
        running = server(kind, clients=clients(), environments={"staging": platformos, "production": platformos})
        with following(running) as stays, following(running, "production") as removed:
            running.write_pos({"staging": platformos})
            removed.wait_end()
            assert removed.done
            told = "Environment production is no longer served here."
            assert [error["message"] for error in removed.errors] == [told]
            assert post(running, asking().replace(b"staging", b"production")).status == 400
            running.write_pos({"staging": platformos, "production": platformos})
            with following(running, "production") as moved:
                running.write_pos({"staging": platformos, "production": elsewhere})
                moved.wait_end()
                assert moved.done
            elsewhere.add({"message": "from elsewhere"})
            with following(running, "production") as there:
                assert there.wait_entries(1)[0]["message"] == "from elsewhere"
            platformos.add({})
            stays.wait_entries(1)
            assert stays.errors == []
            assert not stays.ended
        unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_token_works_at_once_and_a_removed_one_ends_its_stream(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """After clients.json is edited the next request with a new token is served. A removed token's stream says why."""
    running = server(kind, clients=clients())
    assert post(running, asking(), token=OTHER).status == 401
    write(running.clients_file, WITH_OTHER)
    with following(running, token=OTHER) as other, following(running) as stays:
        write(running.clients_file, clients())
        other.wait_end()  # nobody asks anything meanwhile
        assert other.done
        assert [error["message"] for error in other.errors] == ["This token was revoked; use another."]
        assert post(running, asking(), token=OTHER).status == 401
        assert open_streams(running) == 1
        platformos.add({})
        stays.wait_entries(1)
        assert stays.errors == []
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_broken_clients_are_told_once_and_the_last_good_ones_kept(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """With an empty, cut, wrong or missing file, or two clients with one token, nobody is locked out or let in."""
    running = server(kind, clients=WITH_OTHER)
    twice = {**clients(), "again": {"token": READER}}
    edits = ["", '{"reader": {"tok', clients(third={"token": "t", "scope": []}), twice, None]
    with following(running, token=OTHER) as reader:
        for number, edit in enumerate(edits, 1):
            if edit is None:
                running.clients_file.unlink()
            else:
                write(running.clients_file, edit)
            assert post(running, asking(), token=OTHER).is_stream
            assert post(running, asking(), token="t").status == 401
            wait_kept(running, number)
            platformos.add({})
            reader.wait_entries(number)
        write(running.clients_file, clients(third={"token": "t"}))
        reader.wait_end()
        assert reader.done
        assert post(running, asking(), token="t").is_stream
        assert running.output.count(KEPT) == len(edits)
    unharmed(running)


@pytest.mark.parametrize("how", ["reload", "crash"])
def test_a_worker_that_starts_while_a_file_is_broken_waits_until_it_is_mended(
    server: Callable[..., Server], platformos: PlatformOS, how: str
) -> None:
    """SIGHUP, or the death of the worker, at the moment of an edit of `.pos` does not end the service."""
    running = server(clients=clients())
    write(running.pos_file, BROKEN[1])
    running.signal(signal.SIGHUP) if how == "reload" else os.kill(running.worker_pid(), signal.SIGKILL)
    running.wait_output(".pos is not valid JSON")
    running.write_pos({"staging": platformos})
    running.wait_live()
    wait_for(lambda: names(running) == ["staging"])


def test_edited_limits_hold_from_the_next_request_on(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A client gets fewer streams, then other environments. Streams that are still allowed go on."""
    running = server(clients=WITH_OTHER, environments={"staging": platformos, "production": platformos})
    with following(running, token=OTHER) as first, following(running, token=OTHER) as second:
        write(running.clients_file, clients(other={"token": OTHER, "limits": {**PLENTY, "streams": 2}}))
        assert post(running, asking(), token=OTHER).status == 429
        write(running.clients_file, clients(other={"token": OTHER, "envs": ["staging"], "limits": PLENTY}))
        assert post(running, asking(), token=OTHER).is_stream
        assert post(running, asking().replace(b"staging", b"production"), token=OTHER).status == 403
        platformos.add({})
        first.wait_entries(1)
        second.wait_entries(1)
        assert not first.ended
        assert not second.ended
    unharmed(running)
