"""What the table of tools promises to its callers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from poslogs.access.clients import Client
from poslogs.agents.agent_tools import Catalogue
from poslogs.app import create_app
from poslogs.doors.body import parse
from poslogs.errors import BadInput, Forbidden, NotFound, Refusal, Unavailable, UnknownEnvironment
from poslogs.platformos.environments import Environments
from poslogs.query import parser
from poslogs.settings import ROOT, Settings
from poslogs.streaming.backfill import Asker
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.stream import Stream
from poslogs.tools import table
from poslogs.tools.inputs import Input
from poslogs.tools.schema import UNITS, schema_of, whole
from poslogs.tools.table import ENVIRONMENTS, FETCH, LIVE, REPORT, STREAM, TOOLS
from poslogs.tools.tool import EndingTool, StreamingTool, Tool
from poslogs.tools.toolbox import Toolbox
from tests.support.tries import tries
from tests.unit.doubles import PATIENCE, Log, down, ids_of

STREAM_INPUTS = "env, interval, filter, query, lastId, tail, since, maxMessage."
ALL = Client(id="all", name="All", digest=b"")
ONE = Client(id="one", name="One", digest=b"", envs=frozenset({"staging"}))


@pytest.fixture
def log() -> Log:
    return Log(*range(1, 8))


@pytest.fixture
def feeds(log: Log) -> Feeds:
    return Feeds(log.open_gateway, window_bytes=1 << 20, lookback=30.0)


def call(toolbox: Toolbox, client: Client, tool: EndingTool, input_: Input) -> bytes:
    return b"".join(tool.does(toolbox, client, input_, Asker(client.id)))


@pytest.fixture
def toolbox(feeds: Feeds, tmp_path: Path) -> Toolbox:
    """Tools over two environments that answer from the same log."""
    path = tmp_path / ".pos"
    fields = {"url": "https://a.example.com", "email": "me@example.com", "token": "hidden-token"}
    path.write_text(json.dumps({"staging": fields, "production": {**fields, "url": "https://b.example.com"}}))
    environments = Environments(Settings.read({"CONFIG_FILE_PATH": str(path)}))
    return Toolbox(environments, feeds, heartbeat=PATIENCE)


def refused(tool: Tool, input_: object) -> str:
    with pytest.raises(BadInput) as error:
        tool.check(input_)
    assert error.value.status == 400
    return error.value.sentence


def opened(toolbox: Toolbox, tool: StreamingTool, last_event_id: str = "", **input_: object) -> Stream:
    return tool.does(toolbox, ALL, tool.check({"env": "staging", **input_}), last_event_id, late=tool.late)


def got(stream: Stream, count: int) -> list[int]:
    """The ids of the first entries of a stream."""
    found: list[int] = []
    for chunk in stream.chunks():
        assert chunk.plain != b": heartbeat\n\n"
        found += ids_of(chunk.plain)
        if len(found) >= count:
            break
    stream.close()
    return found


# The table


def test_there_are_the_contract_s_four_and_the_report() -> None:
    """Two tools stream, and three end by themselves."""
    assert {tool.name: tool.door for tool in TOOLS.values()} == {
        "platformos.logs.stream": "/call-stream",
        "platformos.logs.live": "/call-stream",
        "platformos.logs.fetch": "/call",
        "platformos.env.list": "/call",
        "platformos.logs.report": "/call",
    }


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_each_schema_is_a_true_one(tool: Tool) -> None:
    """It is JSON Schema 2020-12. Each default passes it, each input is described, and no other is taken."""
    Draft202012Validator.check_schema(tool.schema)
    assert tool.schema["additionalProperties"] is False
    for name, schema in tool.inputs.items():
        assert schema["description"].endswith(".")
        if "default" in schema:
            Draft202012Validator(schema).validate(schema["default"])
        assert name.isidentifier()
    json.dumps(tool.schema)


def test_defaults_are_filled_in() -> None:
    """They are 3 s, five minutes and the newest hundred entries. Given values stay."""
    assert STREAM.check({"env": "a"}) == {"env": "a", "interval": 3000}
    assert LIVE.check({"env": "a", "interval": 250}) == {"env": "a", "interval": 250, "maxDuration": 300_000}
    assert FETCH.check({"env": "a"}) == {"env": "a", "limit": 100}
    assert ENVIRONMENTS.check({}) == {}


@pytest.mark.parametrize(
    ("tool", "name", "least", "most"),
    [
        (STREAM, "interval", 250, 3_600_000),
        (LIVE, "interval", 250, 3_600_000),
        (LIVE, "maxDuration", 1, 86_400_000),
        (FETCH, "limit", 1, 10_000),
        (STREAM, "tail", 0, 10_000),
        (FETCH, "tail", 0, 10_000),
        (REPORT, "minutes", 1, 10_080),
    ],
)
def test_numbers_are_whole_and_within_bounds(tool: Tool, name: str, least: int, most: int) -> None:
    """The bounds themselves and whole floats are allowed; text and true are not. The refusal names the unit."""
    for good in (least, most, float(least), float(most)):
        assert tool.check({"env": "a", name: good})[name] == good
    told = f"`{name}` is {UNITS[name]}, {least} to {most}"
    for bad, ending in [
        (least - 1, f"; {least - 1} is too small."),
        (least - 1.0, f"; {least - 1} is too small."),
        (most + 1, f"; {most + 1} is too large."),
        (1e300, "; 1e+300 is too large."),
        (math.inf, "; Infinity is too large."),
        (-math.inf, "; -Infinity is too small."),
        (math.nan, ", not NaN."),
        (str(least), f', not "{least}".'),
        (True, ", not true."),
        ([least], ", not a list."),
        ({"a": 1}, ", not an object."),
    ]:
        assert refused(tool, {"env": "a", name: bad}) == told + ending


def test_an_interval_of_three_is_told_the_unit() -> None:
    """A caller that means seconds learns the unit."""
    told = "`interval` is in milliseconds, 250 to 3600000; 3 is too small."
    assert refused(STREAM, {"env": "a", "interval": 3}) == told
    for name in ("limit", "tail", "minutes"):
        tool = REPORT if name == "minutes" else FETCH
        assert refused(tool, {"env": "a", name: 2.5}).endswith(", not 2.5.")


@pytest.mark.parametrize(
    ("tool", "given", "taken"),
    [
        (STREAM, {"lastId": 264}, {"lastId": "264"}),
        (STREAM, {"lastId": 264.0}, {"lastId": "264"}),
        (STREAM, {"lastId": 0}, {"lastId": "0"}),
        (LIVE, {"lastId": 9_223_372_036_854_775_807}, {"lastId": "9223372036854775807"}),
        (REPORT, {"lastId": 7}, {"lastId": "7"}),
        (STREAM, {"interval": 1000.5}, {"interval": 1000}),
        (STREAM, {"interval": 249.6}, {"interval": 250}),
        (LIVE, {"maxDuration": 1500.7}, {"maxDuration": 1501}),
        (STREAM, {"lastId": None, "tail": None, "filter": None, "interval": None}, {"interval": 3000}),
        (LIVE, {"maxDuration": None}, {"maxDuration": 300_000}),
        (FETCH, {"limit": None, "tail": 5}, {"tail": 5}),
        (FETCH, {"limit": 5, "tail": None}, {"limit": 5}),
        (REPORT, {"minutes": None}, {}),
        (REPORT, {"minutes": 30.0}, {"minutes": 30}),
    ],
)
def test_numbers_are_taken_as_people_write_them(tool: Tool, given: dict[str, object], taken: dict[str, object]) -> None:
    """Ids may be numbers, milliseconds have fractions, and null means left out, though the schema does not say so."""
    assert tool.check({"env": "a", **given}).items() >= {"env": "a", **taken}.items()
    assert None not in tool.check({"env": "a", **given}).values()
    published = tool.published["properties"]
    assert isinstance(published, dict)
    assert {schema["type"] for schema in published.values()} <= {"string", "integer"}
    assert published.keys() == tool.inputs.keys()


@pytest.mark.parametrize(
    "value", [264.5, -1, -1.0, True, math.nan, math.inf, 1e300, 10**19, 10**4000, [1], {"a": 1}, "264.0", " 264"]
)
def test_what_is_no_id_stays_none(value: object) -> None:
    """Fractions, signs, more digits than an id has, and floats that may have been another number are refused."""
    assert refused(STREAM, {"env": "a", "lastId": value}).startswith(
        "`lastId` must be the id of an entry, 1 to 19 digits, not "
    )
    assert refused(STREAM, {"env": "a", "lastId": 2.0**60}).startswith("`lastId` must be the id of an entry")
    assert refused(STREAM, {"env": "a", "nothing": None}).startswith("`nothing` is not an input of ")


@pytest.mark.parametrize(
    ("tool", "input_", "sentence"),
    [
        (STREAM, [], "`input` must be a JSON object."),
        (STREAM, None, "`input` must be a JSON object."),
        (STREAM, "env", "`input` must be a JSON object."),
        (
            STREAM,
            {},
            "`env` is missing from the input; platformos.logs.stream takes " + STREAM_INPUTS,
        ),
        (
            STREAM,
            {"environment": "a"},
            "`env` is missing from the input; platformos.logs.stream takes " + STREAM_INPUTS,
        ),
        (
            STREAM,
            {"env": "a", "maxDuration": 5},
            "`maxDuration` is not an input of platformos.logs.stream; it takes " + STREAM_INPUTS,
        ),
        (ENVIRONMENTS, {"env": "a"}, "`env` is not an input of platformos.env.list; it takes no input."),
        (STREAM, {"env": ""}, '`env` must be a string that is not empty, not "".'),
        (STREAM, {"env": 5}, "`env` must be a string that is not empty, not 5."),
        (
            STREAM,
            {"env": None},
            "`env` is missing from the input; platformos.logs.stream takes " + STREAM_INPUTS,
        ),
        (STREAM, {"env": "a", "filter": ""}, '`filter` must be a string of 1 to 200 characters, not "".'),
        (STREAM, {"env": "a", "filter": {}}, "`filter` must be a string of 1 to 200 characters, not an object."),
        (FETCH, {"env": "a", "filter": []}, "`filter` must be a list of 1 to 20 types; it has 0."),
        (REPORT, {"env": "a", "filter": ["x"] * 21}, "`filter` must be a list of 1 to 20 types; it has 21."),
        (
            LIVE,
            {"env": "a", "filter": ["x", 5]},
            "`filter` must be a list of strings of 1 to 200 characters; 5 is not one.",
        ),
        (STREAM, {"env": "a", "query": ["x"]}, "`query` must be a string, not a list."),
        (STREAM, {"env": "a", "query": 5}, "`query` must be a string, not 5."),
        (
            FETCH,
            {"env": "a", "query": f"a {'b' * 500}"},
            "`query`, column 3: a query has 500 characters at most, not 502; leave some out.",
        ),
        (STREAM, {"env": "a", "lastId": ""}, '`lastId` must be the id of an entry, 1 to 19 digits, not "".'),
        (STREAM, {"env": "a", "lastId": "-1"}, '`lastId` must be the id of an entry, 1 to 19 digits, not "-1".'),
        (STREAM, {"env": "a", "lastId": "٣"}, '`lastId` must be the id of an entry, 1 to 19 digits, not "٣".'),
    ],
)
def test_what_is_wrong_is_named(tool: Tool, input_: object, sentence: str) -> None:
    """One sentence says what to change."""
    told = refused(tool, input_)
    assert told.replace('`"', "`").replace('"`', "`") == sentence.replace('`"', "`").replace('"`', "`")


def test_long_inputs_are_not_sent_back_whole() -> None:
    """A name, a filter or a position of 60 kB gets a short sentence."""
    for input_ in (
        {"env": "a", "x" * 60_000: 1},
        {"env": "a", "filter": "x" * 60_000},
        {"env": "a", "lastId": "1" * 60_000},
        {"env": "a", "tail": 10**4000},
    ):
        assert len(refused(STREAM, input_)) < 250


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=6,
)
NAMES = st.sampled_from(["env", "interval", "filter", "lastId", "tail", "maxDuration", "limit"])
NUMBERS = st.integers() | st.integers(-5, 5) | st.floats() | st.sampled_from([1e308, -1e308, 2.0**63, 250.0, 10**400])


@tries(200)
@given(
    st.sampled_from(list(TOOLS.values())),
    st.fixed_dictionaries(
        {"env": st.just("a") | JSON}, optional={"filter": st.text(min_size=1), "lastId": st.text("0123\n")}
    )
    | st.dictionaries(NAMES, JSON | NUMBERS | st.text("0123456789-. ", max_size=25), max_size=7)
    | st.dictionaries(NAMES | st.text(max_size=10), JSON, max_size=4)
    | JSON,
)
@example(STREAM, {"env": "a", "interval": math.nan})
@example(STREAM, {"env": "a", "tail": math.inf})
def test_any_input_is_taken_or_refused(tool: Tool, input_: object) -> None:
    """`check` raises nothing but BadInput. Inputs that it takes have numbers within their bounds."""
    taken, sentence = {}, ""
    try:
        taken = dict(tool.check(input_))
    except BadInput as error:
        sentence = error.sentence
    assert len(sentence) < 400
    assert set(taken) <= set(tool.inputs)
    for name, schema in tool.inputs.items():
        if name in taken and schema["type"] == "integer":
            assert schema["minimum"] <= taken[name] <= schema["maximum"]
            assert taken[name] == int(taken[name])


def test_half_a_character_in_a_name_is_refused_in_plain_text() -> None:
    """A sentence that goes out as JSON must be valid text, whatever was asked."""
    for body in (b'{"input":{"env":"a","\\u00e9\\u2028":1}}', b'{"input":{"env":"a","filter":5,"x":1}}'):
        refused(STREAM, parse(body)["input"]).encode()


# Doors


def test_a_tool_is_found_by_its_name_at_its_door() -> None:
    """It is found by its own name, or as agents spell it."""
    for tool in TOOLS.values():
        for name in (tool.name, table.spelt_for_agents(tool)):
            assert table.find(name, type(tool)) is tool


def test_one_record_is_all_that_a_tool_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is added to the table is listed, described, checked, refused at the other door, and answers."""

    def answer(toolbox: Toolbox, client: Client, input_: Input, asker: Asker) -> Iterator[bytes]:
        yield json.dumps({client.id: input_["times"]}).encode()

    schema = schema_of("times", times=whole((1, 2, 3), "How often."))
    mine = EndingTool("platformos.logs.mine", "Answers what was asked.", schema, answer)
    monkeypatch.setitem(TOOLS, mine.name, mine)
    clients = tmp_path / "clients.json"
    clients.write_text('{"a": {"token": "a-token-of-some-length"}}')
    asking = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients)})).test_client()
    asking.environ_base["HTTP_AUTHORIZATION"] = "Bearer a-token-of-some-length"

    (listed,) = [tool for tool in asking.get("/tools").get_json()["tools"] if tool["name"] == mine.name]
    assert listed == {
        "name": mine.name,
        "description": mine.description,
        "inputSchema": mine.schema,
        "endpoint": "/call",
        "streaming": False,
    }
    body = asking.get("/openapi.json").get_json()["paths"]["/call"]["post"]["requestBody"]
    assert mine.name in [each["title"] for each in body["content"]["application/json"]["schema"]["oneOf"]]
    answered = asking.post("/call", json={"tool": mine.name, "input": {"times": 3}}).get_json()
    assert json.loads(answered["content"][0]["text"]) == {"a": 3}
    refused = asking.post("/call", json={"tool": mine.name, "input": {"times": 4}})
    assert refused.get_json() == {"error": "`times` is a whole number, 1 to 3; 4 is too large."}
    refused = asking.post("/call-stream", json={"tool": mine.name, "input": {"times": 3}})
    assert refused.get_json() == {"error": "platformos.logs.mine ends by itself: POST it to /call."}


def test_agents_are_offered_every_tool_but_the_one_without_an_end(toolbox: Toolbox) -> None:
    """They have the table's names without dots, and the table's inputs where these are the same."""
    offered = Catalogue(toolbox).tools
    assert set(offered) == {table.spelt_for_agents(tool) for tool in TOOLS.values()} - {"platformos_logs_stream"}
    for tool in TOOLS.values():
        if (agents := offered.get(table.spelt_for_agents(tool))) is not None:
            assert agents.required == tool.required
            for name in ("lastId", "query", "minutes"):
                assert agents.inputs.get(name) == tool.inputs.get(name), (tool.name, name)
            assert {schema["type"] for schema in agents.inputs.values()} <= {"string", "integer", "boolean"}


def test_no_file_of_poslogs_names_a_tool_that_is_not_in_the_table() -> None:
    """The page, the start's example and sentences spell names out, so this compares them with the table."""
    named = {
        name
        for path in (ROOT / "poslogs").rglob("*")
        if path.suffix in (".js", ".html", ".py")
        for name in re.findall(r"\bplatformos[._](?:logs|env)[._][a-z]+\b", path.read_text())
    }
    assert len(named) > 5
    assert named <= {*TOOLS, *map(table.spelt_for_agents, TOOLS.values())}


@pytest.mark.parametrize(
    ("name", "kind", "status", "sentence"),
    [
        (
            "platformos.logs.nothing",
            StreamingTool,
            404,
            'There is no tool "platformos.logs.nothing"; there are platformos.logs.stream, platformos.logs.live, '
            "platformos.logs.fetch, platformos.env.list, platformos.logs.report.",
        ),
        ("platformos.logs.fetch", StreamingTool, 400, "platformos.logs.fetch ends by itself: POST it to /call."),
        ("platformos.logs.live", EndingTool, 400, "platformos.logs.live streams: POST it to /call-stream."),
        (5, StreamingTool, 400, "`tool` must be the name of a tool, as a string; GET /tools lists them."),
        (["a"], StreamingTool, 400, "`tool` must be the name of a tool, as a string; GET /tools lists them."),
        (None, EndingTool, 400, "`tool` must be the name of a tool, as a string; GET /tools lists them."),
    ],
)
def test_a_wrong_door_names_the_right_one(
    name: object, kind: type[EndingTool | StreamingTool], status: int, sentence: str
) -> None:
    """The refusal of an unknown tool lists the tools there are."""
    with pytest.raises(Refusal) as error:
        table.find(name, kind)
    assert isinstance(error.value, NotFound if status == 404 else BadInput)
    assert (error.value.status, error.value.sentence) == (status, sentence)


def test_an_environment_is_the_client_s_or_a_refusal(toolbox: Toolbox) -> None:
    """For an unknown one the refusal names what this client may read. Another client's is forbidden."""
    assert toolbox.environment(ALL, "production").name == "production"
    with pytest.raises(UnknownEnvironment) as unknown:
        toolbox.environment(ONE, "nowhere")
    assert unknown.value.sentence == 'Unknown environment "nowhere"; known: staging.'
    with pytest.raises(Forbidden) as forbidden:
        toolbox.environment(ONE, "production")
    assert (forbidden.value.status, forbidden.value.sentence) == (
        403,
        "This token may not read environment production.",
    )
    nothing = Client(id="x", name="x", digest=b"", envs=frozenset())
    with pytest.raises(UnknownEnvironment, match="known: none"):
        toolbox.environment(nothing, "nowhere")


def test_the_list_of_environments_is_the_client_s_and_holds_no_token(toolbox: Toolbox) -> None:
    """It has names and addresses, compared byte by byte."""
    assert call(toolbox, ONE, ENVIRONMENTS, {}) == b'{"envs":[{"name":"staging","url":"https://a.example.com"}]}'
    assert b"hidden-token" not in call(toolbox, ALL, ENVIRONMENTS, {})
    assert len(json.loads(call(toolbox, ALL, ENVIRONMENTS, {}))["envs"]) == 2


# Fetch


def fetched(toolbox: Toolbox, **input_: object) -> tuple[list[str], str, bool]:
    answer = json.loads(call(toolbox, ALL, FETCH, FETCH.check({"env": "staging", **input_})))
    assert set(answer) == {"logs", "lastId", "truncated"}
    return [entry["id"] for entry in answer["logs"]], answer["lastId"], answer["truncated"]


def test_a_fetch_answers_entries_a_position_and_whether_more_exists(toolbox: Toolbox, log: Log) -> None:
    """One row is compared byte by byte, more by their ids."""
    assert call(toolbox, ALL, FETCH, FETCH.check({"env": "staging", "lastId": "6"})) == (
        b'{"logs":[{"id":"7","timestamp":"2024-01-15T10:00:00.000Z","type":"info","message":"row 7","data":{},'
        b'"env":"staging","error_type":"info"}],"lastId":"7","truncated":false}'
    )
    assert fetched(toolbox) == (["1", "2", "3", "4", "5", "6", "7"], "7", False)
    assert fetched(toolbox, limit=2) == (["6", "7"], "7", True)
    assert fetched(toolbox, limit=2, lastId="0") == (["1", "2"], "2", True)
    with pytest.raises(BadInput, match=r"^`tail` and `limit` both say how many entries; leave one out\.$"):
        fetched(toolbox, limit=2, tail=2)
    assert fetched(toolbox, limit=2.0, lastId="4") == (["5", "6"], "6", True)
    assert fetched(toolbox, tail=2) == (["6", "7"], "7", True)
    assert fetched(toolbox, tail=2.0) == (["6", "7"], "7", True)
    assert fetched(toolbox, tail=2, lastId="0") == (["6", "7"], "7", True)
    assert fetched(toolbox, filter="ERROR") == ([], "7", False)
    assert log.opened == log.closed


def test_a_fetch_that_platformos_does_not_answer_is_unavailable(toolbox: Toolbox, log: Log) -> None:
    """It is 503 with a time to wait: platformOS's own, rounded up, else ours."""
    log.failure = down("platformOS answered 502 for environment staging.")
    with pytest.raises(Unavailable) as error:
        fetched(toolbox)
    assert error.value.sentence == "platformOS answered 502 for environment staging."
    assert error.value.headers == {"Retry-After": "5"}
    log.failure = down("Busy.", retry_after=1.2)
    with pytest.raises(Unavailable) as error:
        fetched(toolbox)
    assert error.value.headers == {"Retry-After": "2"}


# Streams


def test_a_stream_begins_where_its_input_says(toolbox: Toolbox) -> None:
    """The start is the default, a position or a tail. Whole floats count as numbers."""
    assert got(opened(toolbox, STREAM), 7) == [1, 2, 3, 4, 5, 6, 7]
    assert got(opened(toolbox, STREAM, lastId="4"), 3) == [5, 6, 7]
    assert got(opened(toolbox, STREAM, tail=2), 2) == [6, 7]
    assert got(opened(toolbox, LIVE, interval=300.0, maxDuration=60_000.0), 7) == [1, 2, 3, 4, 5, 6, 7]


def test_a_tail_that_is_a_whole_float_is_a_tail(toolbox: Toolbox) -> None:
    """It is even if a running feed's window gives it."""
    first = opened(toolbox, STREAM, interval=250)
    chunks = first.chunks()
    found: list[int] = []
    while 7 not in found:
        found += ids_of(next(chunks).plain)
    assert got(opened(toolbox, STREAM, tail=2.0), 2) == [6, 7]
    first.close()


def test_the_header_wins_over_the_input(toolbox: Toolbox) -> None:
    """Last-Event-ID continues a stream whatever it began with; an empty one counts as missing."""
    assert got(opened(toolbox, STREAM, "5", lastId="1"), 2) == [6, 7]
    assert got(opened(toolbox, STREAM, "5", tail=7), 2) == [6, 7]
    assert got(opened(toolbox, STREAM, "", lastId="6"), 1) == [7]


@pytest.mark.parametrize("text", ["x", "-1", "1.5", " ", "1" * 20, str(2**63), "1" * 100_000, "٣", "1\n", "0x1"])
def test_a_position_that_is_none_is_a_sentence(toolbox: Toolbox, text: str) -> None:
    """In the header or the input, the sentence says what it must be."""
    with pytest.raises(BadInput) as error:
        opened(toolbox, STREAM, text)
    assert error.value.sentence == "Last-Event-ID must be the id of an entry, 1 to 19 digits up to 9223372036854775807."
    with pytest.raises(BadInput, match="lastId"):
        opened(toolbox, STREAM, lastId=text)


@pytest.mark.parametrize(
    ("tool", "body"),
    [
        (STREAM, {"lastId": "5", "tail": 3}),
        (LIVE, {"lastId": "5", "since": "10m"}),
        (STREAM, {"lastId": 0, "since": "2026-11-28"}),
        (STREAM, {"tail": 0, "since": "1d"}),
        (FETCH, {"lastId": "5", "tail": 3}),
        (FETCH, {"tail": 5, "since": "90s"}),
        (FETCH, {"since": "2h", "around": "5"}),
        (FETCH, {"lastId": "0", "around": "5"}),
        (FETCH, {"tail": 5, "around": "5"}),
        (REPORT, {"minutes": 5, "since": "2h"}),
        (REPORT, {"lastId": "5", "since": "2h"}),
    ],
    ids=lambda it: it.name if isinstance(it, Tool) else "-".join(it),
)
def test_two_beginnings_are_refused_by_name(
    toolbox: Toolbox, tool: StreamingTool | EndingTool, body: dict[str, object]
) -> None:
    """Whichever two, and what to do."""
    one, other = body
    with pytest.raises(BadInput) as error:
        begun(toolbox, tool, **body)
    assert error.value.sentence == f"`{one}` and `{other}` name two different beginnings; leave one out."


def begun(toolbox: Toolbox, tool: StreamingTool | EndingTool, last_event_id: str = "", **body: object) -> object:
    """What a tool does at first."""
    input_ = tool.check({"env": "staging", **body})
    if isinstance(tool, StreamingTool):
        return tool.does(toolbox, ALL, input_, last_event_id, late=tool.late)
    return call(toolbox, ALL, tool, input_)


def test_beginnings_that_are_left_out_or_do_not_differ_are_taken(toolbox: Toolbox) -> None:
    """`null`, the guide's `lastId` of 0 with a tail, and a report that is bounded by an id and by time."""
    begun(toolbox, STREAM, lastId="0", tail=3)
    begun(toolbox, STREAM, lastId=None, since="1d")
    begun(toolbox, FETCH, around=None, tail=None, since="1d", until=None)
    begun(toolbox, REPORT, lastId="3", minutes=5)


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("value", ["", "yesterday", "10:00", 5, 1.5, True, ["1d"], {}, "1d" * 30, "2026-02-30"])
def test_what_is_no_time_is_refused_with_what_is_one(name: str, value: object) -> None:
    """The input is named, and the forms that it takes."""
    said = refused(FETCH, {"env": "staging", name: value})
    assert said.startswith(
        f"`{name}` must be a time, such as 2026-11-28T10:00Z, or how long ago, such as 90s, 10m, 2h or 1d, not "
    )


def test_an_end_before_the_beginning_and_one_beside_around_are_refused(toolbox: Toolbox) -> None:
    """With the remedy."""
    assert (
        refused(FETCH, {"env": "a", "since": "1h", "until": "2h"}) == "`until` lies before `since`; exchange the two."
    )
    with pytest.raises(BadInput, match=r"^`around` shows what is before and after an entry; leave `until` out\.$"):
        begun(toolbox, FETCH, around="5", until="1d")
    with pytest.raises(BadInput, match=r"^`around` must be the id of an entry, 1 to 19 digits"):
        begun(toolbox, FETCH, around="9" * 19)
    assert refused(STREAM, {"env": "a", "until": "2h"}).startswith("`until` is not an input of platformos.logs.stream")


def test_a_time_is_in_the_input_as_entries_have_theirs() -> None:
    """UTC and milliseconds, however it was written."""
    assert FETCH.check({"env": "a", "since": "2026-11-28 12:00+02:00", "until": "20261128T10"}) == {
        "env": "a",
        "limit": 100,
        "since": "2026-11-28T10:00:00.000Z",
        "until": "2026-11-28T10:00:00.000Z",
    }


def test_the_header_wins_over_every_beginning(toolbox: Toolbox) -> None:
    """So that a client which comes back with the same body goes on where it was."""
    for body in ({"since": "2020-01-01"}, {"since": "0s"}, {"tail": 7}, {"lastId": "1"}):
        assert got(opened(toolbox, STREAM, "5", **body), 2) == [6, 7]
        assert got(opened(toolbox, LIVE, "5", **body), 2) == [6, 7]


def test_a_stream_has_the_input_s_interval_filter_and_kind(toolbox: Toolbox) -> None:
    """Intervals are in seconds, filters folded, late rows for `live` only; `live` has an end, `stream` has none."""
    plain = opened(toolbox, STREAM, interval=250, filter="LiquidERROR")
    assert (plain.interval, plain.selection.filter, plain.selection.late) == (0.25, "liquiderror", False)
    live = opened(toolbox, LIVE)
    assert (live.interval, live.selection.filter, live.selection.late) == (3.0, None, True)
    several = opened(toolbox, LIVE, filter=["Error", "WARN"], query="  checkout  type:error ")
    assert several.selection.filter == frozenset(("error", "warn"))
    assert several.selection.query == parser.parse("checkout type:error")
    assert (
        opened(toolbox, STREAM, filter=["Error"], query=" ").selection
        == opened(toolbox, STREAM, filter="error").selection
    )
    short = opened(toolbox, LIVE, maxDuration=1, tail=0)
    last = [chunk.plain for chunk in short.chunks()][-1]
    assert last == b"event: done\ndata: [DONE]\n\n"


def test_streams_of_one_environment_share_its_feed(toolbox: Toolbox, feeds: Feeds) -> None:
    """Another environment has another feed."""
    one, two = opened(toolbox, STREAM), opened(toolbox, LIVE)
    other = STREAM.does(toolbox, ALL, STREAM.check({"env": "production"}), "", late=STREAM.late)
    assert one._feed is two._feed
    assert one._feed is not other._feed
    assert {feed.upstream.environment.name for feed in feeds.all()} == {"staging", "production"}
