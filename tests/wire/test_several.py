"""Several environments in one stream: their own orders, positions that name them all, and each for itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import told
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire import agent
from tests.wire.exchange import wait_for

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"
LIVE = "platformos.logs.live"
QUICK = {"interval": 250}
WHERE: dict[str, Any] = {"env": ["staging", "production"]}
BOTH = {**WHERE, **QUICK}


@pytest.fixture
def production() -> Iterator[PlatformOS]:
    """The other environment."""
    with PlatformOS() as stand_in:
        yield stand_in


@pytest.fixture
def both(server: Start, platformos: PlatformOS, production: PlatformOS) -> Callable[..., Server]:
    """`both(**kw)`: a server of the environments staging and production."""

    def started(**kw: Any) -> Server:
        return server(environments={"staging": platformos, "production": production}, **kw)

    return started


def _came(reader: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"staging": [], "production": []}
    for entry in list(reader.entries):
        found[entry["env"]].append(entry["id"])
    return found


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_each_environment_comes_in_its_order_and_each_id_names_both(
    both: Start, platformos: PlatformOS, production: PlatformOS, kind: str, tool: str
) -> None:
    """From the beginning, and then as it arrives; the quiet one is named too."""
    platformos.add_many(3)
    with both(kind=kind).stream(tool, BOTH) as reader:
        reader.wait_entries(3)
        assert [frame.id for frame in reader.frames if frame.id][-1] == "staging:3,production:0"
        production.add_many(2)
        reader.wait_entries(5)
        platformos.add_many(1)
        reader.wait_entries(6)
    assert _came(reader) == {"staging": ["1", "2", "3", "4"], "production": ["1", "2"]}
    ids = [frame.id for frame in reader.frames if frame.id]
    assert ids == [
        "staging:1,production:0", "staging:2,production:0", "staging:3,production:0",
        "staging:3,production:1", "staging:3,production:2", "staging:4,production:2",
    ]  # fmt: skip


@pytest.mark.parametrize("env", [["staging"], ["production", "staging"], "production,staging", "*"])
def test_a_list_a_text_with_commas_and_a_star_name_environments(both: Start, platformos: PlatformOS, env: Any) -> None:
    """A list of one has positions of one; each stands in the order in which it was asked for."""
    platformos.add_many(1)
    with both().stream(STREAM, {"env": env, **QUICK}) as reader:
        reader.wait_entries(1)
        names = ["staging"] if env == ["staging"] else ["production", "staging"]
        if env == "*":
            assert sorted(str(reader.last_id).split(",")) == ["production:0", "staging:1"]
        else:
            assert reader.last_id == ",".join(f"{name}:{int(name == 'staging')}" for name in names)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_stream_goes_on_where_its_last_id_says(
    both: Start, platformos: PlatformOS, production: PlatformOS, kind: str
) -> None:
    """Cut after each of its frames, by Last-Event-ID and by lastId; an environment that is not asked for is ignored."""
    running = both(kind=kind)
    platformos.add_many(3)
    production.add_many(3)
    with running.stream(STREAM, BOTH) as reader:
        reader.wait_entries(6)
        frames = [(str(frame.id), _came(reader)) for frame in reader.frames if frame.id]
        whole = [(entry["env"], entry["id"]) for entry in reader.entries]
    for number, (position, _) in enumerate(frames):
        with running.stream(STREAM, BOTH, headers={"Last-Event-ID": position}) as rest:
            rest.wait_entries(len(whole) - number - 1)
            came = {(entry["env"], entry["id"]) for entry in rest.entries}
        assert came == set(whole[number + 1 :])
    with running.stream(STREAM, {**BOTH, "lastId": "elsewhere:9,staging:2,production:1"}) as rest:
        rest.wait_entries(3)
        assert _came(rest) == {"staging": ["3"], "production": ["2", "3"]}


def test_an_environment_that_a_position_lacks_begins_now(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """Its past does not come; once the end of its log is known, the position names it."""
    platformos.add_many(2)
    production.add_many(2)
    with both().stream(STREAM, {**BOTH, "lastId": "staging:1"}) as reader:
        reader.wait_frame(lambda frame: frame.id == "staging:2,production:2")
        production.add_many(1)
        reader.wait_entries(2)
        assert _came(reader) == {"staging": ["2"], "production": ["3"]}


def test_a_tail_that_is_not_found_yet_is_kept_in_the_position(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """production does not answer: a reader that comes back then still gets its newest two."""
    running = both()
    platformos.add_many(5)
    production.add_many(5)
    production.fail("hang")
    with running.stream(STREAM, {**BOTH, "tail": 2}) as reader:
        reader.wait_entries(2)
        assert reader.last_id == "staging:5,production:-2"
    production.heal()
    with running.stream(STREAM, BOTH, headers={"Last-Event-ID": "staging:5,production:-2"}) as reader:
        reader.wait_entries(2)
        assert _came(reader) == {"staging": [], "production": ["4", "5"]}


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_each_environment_begins_at_the_time(
    both: Start, platformos: PlatformOS, production: PlatformOS, kind: str, tool: str
) -> None:
    """Each position is known before an entry comes, also where nothing is at the time or after it; then all follows."""
    _timed(platformos, 1, 3, 5)
    _timed(production, 1, 2)
    with both(kind=kind).stream(tool, {**BOTH, "since": "2026-11-28T10:03Z"}) as reader:
        reader.wait_entries(2)
        reader.wait_until(lambda: reader.last_id == "staging:3,production:2")
        assert _came(reader) == {"staging": ["2", "3"], "production": []}
        _timed(production, 6)
        reader.wait_entries(3)
        assert _came(reader) == {"staging": ["2", "3"], "production": ["3"]}


def test_a_time_that_is_not_found_yet_is_kept_in_the_position(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """production does not answer: a reader that comes back then still begins at the time, whatever its input says."""
    running = both()
    _timed(platformos, 1, 3)
    _timed(production, 1, 3)
    production.fail("hang")
    with running.stream(STREAM, {**BOTH, "since": "2026-11-28T10:02Z"}) as reader:
        reader.wait_entries(1)
        position = str(reader.last_id)
    assert position == "staging:2,production:@1795860120000"
    production.heal()
    with running.stream(STREAM, {**BOTH, "since": "1d"}, headers={"Last-Event-ID": position}) as reader:
        reader.wait_entries(1)
        assert _came(reader) == {"staging": [], "production": ["2"]}
    answer = running.call("platformos.logs.fetch", {**WHERE, "lastId": position})
    assert [(each["env"], each["id"]) for each in answer["logs"]] == [("production", "2")]
    assert answer["lastId"] == "staging:2,production:2"


def test_a_query_and_a_time_both_hold(both: Start, platformos: PlatformOS, production: PlatformOS) -> None:
    """In each environment, from the time on, and of what comes after."""
    for each in (platformos, production):
        _timed(each, 1, 2)
        each.add({"created_at": "2026-11-28T10:03:00Z", "error_type": "info", "message": "checkout"})
    platformos.add({"created_at": "2026-11-28T10:04:00Z", "error_type": "info", "message": "none"})
    body = {**BOTH, "since": "2026-11-28T10:02Z", "query": "-type:error checkout"}
    with both().stream(STREAM, body) as reader:
        reader.wait_entries(2)
        production.add({"created_at": "2026-11-28T10:04:00Z", "error_type": "info", "message": "a Checkout"})
        reader.wait_entries(3)
        assert _came(reader) == {"staging": ["3"], "production": ["3", "4"]}


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_the_outage_of_one_holds_up_no_other(
    both: Start, platformos: PlatformOS, production: PlatformOS, kind: str
) -> None:
    """It is told once, by name; what comes elsewhere comes; afterwards nothing is missing."""
    production.add_many(1)
    with both(kind=kind).stream(STREAM, BOTH) as reader:
        reader.wait_entries(1)
        production.fail("status", status=500)
        reader.wait_until(lambda: bool(reader.errors))
        platformos.add_many(3)
        reader.wait_entries(4)
        production.add_many(2)
        production.heal()
        reader.wait_entries(6, timeout=30)
        assert _came(reader) == {"staging": ["1", "2", "3"], "production": ["1", "2", "3"]}
        (sentence,) = told(reader)
        assert "production" in sentence


def test_one_that_is_refused_ends_alone_and_done_comes_with_the_last(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """platformOS refuses the token of one, and then of the other."""
    with both().stream(STREAM, BOTH) as reader:
        production.fail("status", status=401)
        reader.wait_until(lambda: len(reader.errors) == 1)
        platformos.add_many(1)
        reader.wait_entries(1)
        assert not reader.done
        platformos.fail("status", status=401)
        reader.wait_end(10)
        assert reader.done
        assert ["production" in sentence for sentence in told(reader)] == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize("env", [["staging", "production"], "*"], ids=["list", "every"])
def test_one_that_was_refused_goes_on_where_it_was_once_it_is_not(
    both: Start, platformos: PlatformOS, production: PlatformOS, env: object
) -> None:
    """Its reader is told of the refusal once, however often it is tried again, and misses nothing."""
    running = both(own=True)
    production.add_many(2)
    with running.stream(STREAM, {"env": env, **QUICK, "lastId": "staging:0,production:0"}) as reader:
        reader.wait_entries(2)
        production.fail("status", status=403)
        reader.wait_until(lambda: len(reader.errors) == 1)
        asked = len(production.requests)
        platformos.add_many(1)
        reader.wait_entries(3)
        wait_for(lambda: len(production.requests) > asked, 60)
        production.add_many(2)
        production.heal()
        reader.wait_entries(5, 60)
        assert _came(reader) == {"staging": ["1"], "production": ["1", "2", "3", "4"]}
        assert len(reader.errors) == 1
        assert not reader.done


def test_environments_join_and_leave_a_stream_of_every_one(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """As `.pos` changes; each is told by a comment. One that comes again goes on where it was."""
    running = both(own=True)
    platformos.add_many(1)
    production.add_many(1)
    with running.stream(STREAM, {"env": "*", **QUICK}) as reader:
        reader.wait_entries(2)
        running.write_pos({"staging": platformos})
        reader.wait_until(lambda: "environment production left" in reader.comments)
        production.add_many(1)
        platformos.add_many(1)
        reader.wait_entries(3)
        running.write_pos({"staging": platformos, "production": production, "third": production})
        reader.wait_until(lambda: "environment third joined" in reader.comments)
        reader.wait_entries(4)
        assert _came(reader) == {"staging": ["1", "2"], "production": ["1", "2"]}
        wait_for(lambda: "third:2" in str(reader.last_id))


def test_an_environment_that_was_away_goes_on_for_a_reader_that_came_back_meanwhile(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """Its place is in the position that the reader comes back with, and in the ids of the frames that follow."""
    running = both(own=True)
    platformos.add_many(1)
    production.add_many(2)
    running.write_pos({"staging": platformos})
    wait_for(lambda: len(running.get("/health").json()["environments"]) == 1)
    at = {"Last-Event-ID": "staging:0,production:1"}
    with running.stream(STREAM, {"env": "*", **QUICK}, headers=at) as reader:
        reader.wait_entries(1)
        assert sorted(str(reader.last_id).split(",")) == ["production:1", "staging:1"]
        running.write_pos({"staging": platformos, "production": production})
        reader.wait_entries(2)
        assert _came(reader) == {"staging": ["1"], "production": ["2"]}


def test_an_environment_of_a_list_that_is_taken_away_ends_alone(both: Start, platformos: PlatformOS) -> None:
    """Its reader is told, and the other goes on."""
    running = both(own=True)
    with running.stream(STREAM, BOTH) as reader:
        reader.wait_until(lambda: bool(reader.frames))
        running.write_pos({"staging": platformos})
        reader.wait_until(lambda: bool(reader.errors))
        assert told(reader) == ["Environment production is no longer served here."]
        platformos.add_many(1)
        reader.wait_entries(1)
        assert not reader.done


def test_a_position_of_one_is_refused_for_several(both: Start) -> None:
    """As is one that cannot be read, an unknown environment, an empty list, and names that are not text."""
    running = both()
    for input_, sentence in (
        ({"lastId": "5"}, "`lastId` must be the position of a stream of several environments, such as "
                          "staging:123,production:123, as the id of one of its frames has it."),
        ({"lastId": "staging:99999999999999999999"}, "`lastId` must be the id of an entry"),
        ({"lastId": "staging:9999999999999999999"}, "`lastId` must be the position of a stream of several"),
        ({"env": ["staging", "stagin"]}, 'Unknown environment "stagin"; known: staging, production.'),
        ({"env": []}, '`env` must be the name of an environment, a list of names, or "*" for all that you may read.'),
        ({"env": ["staging", 3]}, '`env` must be the name of an environment, a list of names, or "*"'),
        ({"tail": 1, "lastId": "staging:1"}, "`lastId` and `tail` name two different beginnings; leave one out."),
        ({"since": "1d", "lastId": "staging:1"}, "`lastId` and `since` name two different beginnings; leave one out."),
        ({"tail": 1, "since": "1d"}, "`tail` and `since` name two different beginnings; leave one out."),
    ):  # fmt: skip
        answer = running.post("/call-stream", {"tool": STREAM, "input": {**BOTH, **input_}})
        assert answer.status_code in (400, 404), input_
        assert answer.json()["error"].startswith(sentence), (input_, answer.text)


def test_more_than_twenty_are_refused_with_their_number(server: Start, platformos: PlatformOS) -> None:
    """By a list, and by a star."""
    names = [f"e{number}" for number in range(21)]
    running = server(environments=dict.fromkeys(names, platformos))
    for env in (names, "*"):
        answer = running.post("/call-stream", {"tool": STREAM, "input": {"env": env}})
        assert answer.status_code == 400
        assert answer.json()["error"] == "`env` means 21 environments; at most 20 are read together."


def test_a_stream_of_several_takes_one_slot_and_shares_polls(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """Ten of them beside each other: ten slots, and platformOS is asked as for one."""
    running = both()
    platformos.add_many(1)
    production.add_many(1)
    with ExitStack() as stack:
        hour = {**BOTH, "interval": 3_600_000}
        readers = [stack.enter_context(running.stream(STREAM, hour)) for _ in range(10)]
        for reader in readers:
            reader.wait_entries(2)
        assert running.streams_open() == 10
        assert len(platformos.requests) < 5
        assert len(production.requests) < 5
    wait_for(lambda: running.streams_open() == 0)


# Tools that end


def _timed(platformos: PlatformOS, *minutes: int) -> None:
    platformos.add(*({"created_at": f"2026-11-28T10:{minute:02}:00Z", "error_type": "error"} for minute in minutes))


def test_a_fetch_sorts_by_time_and_is_gone_through_by_its_position(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """The newest of all; then from the beginning three at a time: each entry once."""
    running = both()
    _timed(platformos, 1, 3, 5, 7)
    _timed(production, 2, 3, 6)
    newest = running.call("platformos.logs.fetch", {"env": "*", "limit": 4})
    assert [(each["env"], each["id"]) for each in newest["logs"]] == [
        ("staging", "2"), ("staging", "3"), ("production", "3"), ("staging", "4"),
    ]  # fmt: skip
    assert sorted(newest["lastId"].split(",")) == ["production:3", "staging:4"]
    assert newest["truncated"] is True
    found, position, more = [], "staging:0,production:0", True
    while more:
        answer = running.call("platformos.logs.fetch", {**WHERE, "lastId": position, "limit": 3})
        found += [(each["env"], each["id"]) for each in answer["logs"]]
        position, more = answer["lastId"], answer["truncated"]
    assert found == [
        ("staging", "1"), ("production", "1"), ("production", "2"), ("staging", "2"),
        ("staging", "3"), ("production", "3"), ("staging", "4"),
    ]  # fmt: skip
    assert position == "staging:4,production:3"


def test_a_fetch_begins_and_ends_at_times_in_each(both: Start, platformos: PlatformOS, production: PlatformOS) -> None:
    """From a time on, two at a time: each entry once; up to a time; and the newest up to one."""
    running = both()
    _timed(platformos, 1, 3, 5, 7)
    _timed(production, 2, 3, 6, 8)
    span = {"since": "2026-11-28T10:03Z", "until": "2026-11-28T10:06Z"}
    whole = [("production", "2"), ("staging", "2"), ("staging", "3"), ("production", "3")]
    answer = running.call("platformos.logs.fetch", {**WHERE, **span})
    assert [(each["env"], each["id"]) for each in answer["logs"]] == whole
    assert (answer["lastId"], answer["truncated"]) == ("staging:3,production:3", False)
    answer = running.call("platformos.logs.fetch", {**WHERE, **span, "limit": 1})
    assert (answer["lastId"], answer["truncated"]) == ("staging:1,production:2", True)
    rest = running.call("platformos.logs.fetch", {**WHERE, "lastId": answer["lastId"], "until": span["until"]})
    assert [(each["env"], each["id"]) for each in rest["logs"]] == whole[1:]
    newest = running.call("platformos.logs.fetch", {**WHERE, "until": span["until"], "limit": 2})
    assert [(each["env"], each["id"]) for each in newest["logs"]] == whole[2:]
    report = running.call("platformos.logs.report", {**WHERE, **span})
    assert (report["total"], report["byEnv"]["staging"]["total"]) == (4, 2)
    hour = running.call("platformos.logs.report", {**WHERE, "minutes": 2, "until": span["until"]})
    assert (hour["total"], hour["from"], hour["to"]) == (2, "2026-11-28T10:05:00.000Z", "2026-11-28T10:06:00.000Z")


def test_a_report_takes_minutes_beside_a_position_that_lacks_one(both: Start, production: PlatformOS) -> None:
    """They bound it there, as they do where an environment is in the position."""
    production.add_many(2)
    answer = both().call("platformos.logs.report", {**WHERE, "lastId": "staging:0", "minutes": 5})
    assert answer["byEnv"].keys() == {"staging", "production"}


def test_what_lies_around_an_entry_is_for_one_environment(both: Start) -> None:
    """One sentence, for a list of one too; two beginnings are refused by their names."""
    running = both()
    sentence = "`around` shows an entry of one environment; give its name alone as `env`."
    for env in (["staging", "production"], "staging,production", ["staging"], "*"):
        answer = running.post("/call", {"tool": "platformos.logs.fetch", "input": {"env": env, "around": "1"}})
        assert (answer.status_code, answer.json()["error"]) == (400, sentence)
    both_ = {**WHERE, "around": "1", "since": "1d"}
    answer = running.post("/call", {"tool": "platformos.logs.fetch", "input": both_})
    assert answer.json()["error"] == "`since` and `around` name two different beginnings; leave one out."


def test_a_fetch_names_how_far_it_looked_where_a_filter_leaves_out(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """The position is the end of each log, though no entry of one passed."""
    _timed(platformos, 1, 2)
    production.add_many(3)
    answer = both().call("platformos.logs.fetch", {**WHERE, "lastId": "staging:0,production:0", "filter": "error"})
    assert [each["id"] for each in answer["logs"]] == ["1", "2"]
    assert (answer["lastId"], answer["truncated"]) == ("staging:2,production:3", False)


def test_a_report_answers_sums_and_each_by_its_name(
    both: Start, platformos: PlatformOS, production: PlatformOS
) -> None:
    """What each would answer alone, and together."""
    running = both()
    _timed(platformos, 1, 2)
    _timed(production, 3)
    production.add({"created_at": "2026-11-28T11:00:00Z", "error_type": "info"})
    position = {"lastId": "staging:0,production:0"}
    found = running.call("platformos.logs.report", {**WHERE, **position})
    alone = {name: running.call("platformos.logs.report", {"env": name, "lastId": "0"}) for name in WHERE["env"]}
    assert found["byEnv"] == alone
    assert (found["total"], found["byType"]) == (4, {"error": 3, "info": 1})
    assert found["byHour"] == {"2026-11-28T10:00Z": 3, "2026-11-28T11:00Z": 1}
    assert (found["from"], found["to"]) == ("2026-11-28T10:01:00.000Z", "2026-11-28T11:00:00.000Z")
    assert [(each["env"], each["id"]) for each in found["newestErrors"]] == [
        ("production", "1"), ("staging", "2"), ("staging", "1"),
    ]  # fmt: skip
    assert found["lastId"] == "staging:2,production:2"


def test_a_tail_from_the_beginning_is_the_newest(both: Start, platformos: PlatformOS, production: PlatformOS) -> None:
    """`lastId` 0 beside a `tail` means nothing more, as for one environment."""
    running = both()
    _timed(platformos, 1, 2)
    _timed(production, 3, 4)
    for more in ({}, {"lastId": "0"}):
        answer = running.call("platformos.logs.fetch", {**WHERE, "tail": 3, **more})
        assert [each["id"] for each in answer["logs"]] == ["2", "1", "2"]


def test_a_report_of_twenty_stays_small(server: Start, platformos: PlatformOS) -> None:
    """The reports of all together are below the bound of one, and the sums below another."""
    names = [f"environment-{number}" for number in range(20)]
    rows = [(word, f"2026-11-{day}T{hour:02}:00:00Z") for day, word in enumerate("abcdefghijklmn", 10)
            for hour in range(0, 24, 5)]  # fmt: skip
    platformos.add(*({"created_at": at, "error_type": "error", "message": f"{word} fails " * 40} for word, at in rows))
    running = server(environments=dict.fromkeys(names, platformos))
    position = ",".join(f"{name}:0" for name in names)
    found = running.call("platformos.logs.report", {"env": "*", "lastId": position})
    assert len(json.dumps(found.pop("byEnv"), ensure_ascii=False, separators=(",", ":"))) < 8000 + 20 * 20
    assert len(json.dumps(found, ensure_ascii=False, separators=(",", ":"))) < 8000
    assert (found["total"], sum(found["byHour"].values())) == (1400, 1400)
    assert len(found["byHour"]) <= 49


def test_a_call_fails_when_one_of_its_environments_gives_nothing(both: Start, production: PlatformOS) -> None:
    """Its sentence names it: an answer that lacks an environment would look whole."""
    production.fail("status", status=500)
    answer = both().post("/call", {"tool": "platformos.logs.fetch", "input": WHERE})
    assert answer.status_code == 503
    assert "production" in answer.json()["error"]


# Agents


@pytest.mark.parametrize("kind", agent.KINDS)
def test_an_agent_reads_several_in_a_loop(server: Start, kind: str) -> None:
    """Fetch, live and report take names with commas; each entry names its environment; nothing is missed or twice."""
    with agent.serving(server, kind) as (running, platformos):
        _timed(platformos, 1, 2, 3)
        env = "staging,production"
        newest = agent.called(running, agent.FETCH, env=env, limit=2)
        assert [(each["env"], each["id"]) for each in newest["entries"]] == [("production", "3"), ("staging", "3")]
        assert newest["lastId"] == "staging:3,production:3"
        found, position = [], "staging:0,production:0"
        for _ in range(3):
            answer = agent.called(running, agent.FETCH, env=env, lastId=position, limit=2)
            found += [(each["env"], each["id"]) for each in answer["entries"]]
            position = answer["lastId"]
        assert found == [(name, str(number)) for number in (1, 2, 3) for name in ("production", "staging")]
        _timed(platformos, 4)
        with agent.live(running, env=env, lastId=position, limit=2) as call:
            answer = agent.content(agent.ended(call))
        assert (answer["stopped"], answer["lastId"]) == ("limit", "staging:4,production:4")
        assert {(each["env"], each["id"]) for each in answer["entries"]} == {("staging", "4"), ("production", "4")}
        report = agent.called(running, agent.REPORT, env=env, lastId=position)
        assert (report["total"], set(report["byEnv"])) == (2, {"staging", "production"})
        assert "4" in report["lastId"]
        assert agent.refused(running, agent.FETCH, env=env, around="1").startswith("`around` shows an entry of one ")
        span = {"since": "2026-11-28T10:02Z", "until": "2026-11-28T10:03Z"}
        answer = agent.called(running, agent.FETCH, env=env, limit=3, **span)
        assert [(each["env"], each["id"]) for each in answer["entries"]] == found[2:5]
        assert answer["lastId"] == "staging:2,production:3"
        with agent.live(running, env=env, since="2026-11-28T10:04Z", limit=2) as call:
            answer = agent.content(agent.ended(call))
        assert {(each["env"], each["id"]) for each in answer["entries"]} == {("staging", "4"), ("production", "4")}
        with agent.live(running, env="*", maxDuration=3000) as call:
            answer = agent.content(agent.ended(call))
        assert (answer["count"], sorted(answer["lastId"].split(","))) == (0, ["production:4", "staging:4"])
