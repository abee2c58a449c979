"""`.pos` and clients.json are followed while the server runs; what is broken is told, and the last good one kept."""

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


def write(path: Path, value: Any) -> None:
    """Write a file in one step, as editors do."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(value if isinstance(value, str) else json.dumps(value))
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
    """Wait until the server has told that many times that it keeps the last good file."""
    server.out.wait_until(lambda text: text.count(KEPT) == times)


@pytest.mark.parametrize("kind", KINDS)
def test_a_renewed_token_is_used_without_a_restart_and_running_streams_go_on(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Between two polls platformOS renews the token and `.pos` follows: streams old and new go on, nothing is told."""
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
    """platformOS refuses the token, so the stream ends; `.pos` is renewed and the very next request is served."""
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
    """The simulated streams end with a reason and done, within seconds and unasked; the real ones begin."""
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
    """Somebody writes their first `.pos` with a comma too many: the log says so."""
    running = server(folder=tmp_path, environments=None, clients=clients())
    write(running.pos_file, BROKEN[1])
    wait_for(lambda: names(running) == ["staging", "production"])
    running.wait_output(".pos is not valid JSON", timeout=3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_pos_is_told_once_and_the_last_good_one_kept(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Emptied, cut, of the wrong shape, removed: each is logged once, streams old and new go on; mended, it is read."""
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


def test_a_file_that_is_written_in_two_steps_is_read_when_it_is_whole(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Half of `.pos` and then the rest, in place: streams go on, and the new environment is there in the end."""
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
    """Removed, then moved to another address: its streams end with the reason and done; the others never notice."""
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
    """clients.json is edited: the next request with the new token is served; the removed one's stream tells why."""
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
    """Emptied, cut, an unknown field, two with one token, removed: nobody is locked out, nobody gets in."""
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
    """SIGHUP, or the death of the worker, at the very moment when somebody edits `.pos`: the service is not lost."""
    running = server(clients=clients())
    write(running.pos_file, BROKEN[1])
    running.signal(signal.SIGHUP) if how == "reload" else os.kill(running.worker_pid(), signal.SIGKILL)
    running.wait_output(".pos is not valid JSON")
    running.write_pos({"staging": platformos})
    running.wait_live()
    wait_for(lambda: names(running) == ["staging"])


def test_edited_limits_hold_from_the_next_request_on(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A client gets fewer streams, then other environments: what is open and still allowed goes on."""
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
