"""Tools: the table, the doors, and the tools that end by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator

from poslogs.tools.table import TOOLS
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire import agent
from tests.wire.exchange import READER

Start = Callable[..., Server]
FETCH = "platformos.logs.fetch"


def test_tools_lists_the_contract_s_four_and_the_report_with_true_schemas(
    server: Start, platformos: PlatformOS
) -> None:
    """It has names, doors, and the JSON Schemas that check the input."""
    listed = server().get("/tools").json()["tools"]
    assert [tool["name"] for tool in listed] == [
        "platformos.logs.stream",
        "platformos.logs.live",
        "platformos.logs.fetch",
        "platformos.env.list",
        "platformos.logs.report",
    ]
    for tool in listed:
        Draft202012Validator.check_schema(tool["inputSchema"])
        assert tool["inputSchema"] == TOOLS[tool["name"]].published
        assert tool["description"]
        assert tool["endpoint"] == ("/call-stream" if tool["streaming"] else "/call")
    bounds = {
        (tool["name"].rpartition(".")[2], name): (schema.get("minimum"), schema.get("default"), schema.get("maximum"))
        for tool in listed
        for name, schema in tool["inputSchema"]["properties"].items()
        if schema["type"] == "integer"
    }
    assert bounds == {
        ("stream", "interval"): (250, 3000, 3_600_000),
        ("stream", "tail"): (0, None, 10_000),
        ("stream", "maxMessage"): (256, None, 2_097_152),
        ("live", "interval"): (250, 3000, 3_600_000),
        ("live", "tail"): (0, None, 10_000),
        ("live", "maxMessage"): (256, None, 2_097_152),
        ("live", "maxDuration"): (1, 300_000, 86_400_000),
        ("fetch", "limit"): (1, 100, 10_000),
        ("fetch", "tail"): (0, None, 10_000),
        ("fetch", "maxMessage"): (256, None, 2_097_152),
        ("report", "minutes"): (1, None, 10_080),
    }


@pytest.mark.parametrize(
    ("path", "tool", "door"),
    [
        ("/call", "platformos.logs.stream", "/call-stream"),
        ("/call", "platformos.logs.live", "/call-stream"),
        ("/call-stream", FETCH, "/call"),
        ("/call-stream", "platformos.env.list", "/call"),
    ],
)
def test_the_wrong_door_names_the_right_one(
    server: Start, platformos: PlatformOS, path: str, tool: str, door: str
) -> None:
    """The answer is 400, with the right path."""
    answer = server().post(path, {"tool": tool, "input": {"env": "staging"}})
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(f"POST it to {door}.")


def test_env_list_tells_names_and_addresses_and_no_token(server: Start, platformos: PlatformOS) -> None:
    """It lists what may be read, without anything that opens it."""
    started = server()
    assert started.call("platformos.env.list") == {"envs": [{"name": "staging", "url": platformos.url}]}
    assert platformos.token not in started.post("/call", {"tool": "platformos.env.list"}).text


def test_call_answers_one_text_of_json(server: Start, platformos: PlatformOS) -> None:
    """The guide's entries are in the envelope of the contract."""
    platformos.add({"created_at": "2024-01-01T12:00:00.5Z", "error_type": "info", "message": "hello", "data": {"a": 1}})
    answer = server().post("/call", {"tool": FETCH, "input": {"env": "staging"}}).json()
    assert list(answer) == ["content"]
    (content,) = answer["content"]
    assert content["type"] == "text"
    assert json.loads(content["text"]) == {
        "logs": [
            {
                "id": "1",
                "timestamp": "2024-01-01T12:00:00.500Z",
                "type": "info",
                "message": "hello",
                "data": {"a": 1},
                "env": "staging",
                "error_type": "info",
            }
        ],
        "lastId": "1",
        "truncated": False,
    }


@pytest.mark.parametrize(
    ("input_", "ids", "last", "truncated"),
    [
        ({}, range(151, 251), "250", True),
        ({"limit": 3}, [248, 249, 250], "250", True),
        ({"limit": 200}, range(51, 251), "250", True),
        ({"limit": 3, "lastId": None}, [248, 249, 250], "250", True),
        ({"limit": 3, "lastId": "0"}, [1, 2, 3], "3", True),
        ({"limit": 3, "lastId": 0}, [1, 2, 3], "3", True),
        ({"lastId": "0"}, range(1, 101), "100", True),
        ({"lastId": "0", "limit": 10000}, range(1, 251), "250", False),
        ({"lastId": "247"}, [248, 249, 250], "250", False),
        ({"lastId": "250"}, [], "250", False),
        ({"lastId": "9999"}, [], "9999", False),
        ({"filter": "error", "limit": 2, "lastId": "0"}, [10, 20], "29", True),
        ({"filter": "error", "limit": 2}, [240, 250], "250", True),
        ({"filter": "error", "limit": 25}, range(10, 251, 10), "250", False),
        ({"tail": 2}, [249, 250], "250", True),
        ({"tail": 0}, [], "250", True),
        ({"tail": 1000}, range(1, 251), "250", False),
        ({"tail": 2, "filter": "error"}, [240, 250], "250", True),
    ],
)
def test_fetch_answers_the_first_after_a_position_or_the_newest(
    server: Start, platformos: PlatformOS, input_: dict[str, object], ids: list[int], last: str, truncated: bool
) -> None:
    """Pages have 40 rows. `lastId` says where to continue, `truncated` whether there is more."""
    platformos.page = 40
    platformos.add(*[{"error_type": "error" if index % 10 == 0 else "info"} for index in range(1, 251)])
    found = server().call(FETCH, {"env": "staging", **input_})
    assert [entry["id"] for entry in found["logs"]] == [str(number) for number in ids]
    assert (found["lastId"], found["truncated"]) == (last, truncated)


def test_numbers_are_taken_as_people_write_them_at_every_door(server: Start) -> None:
    """Ids may be numbers, milliseconds have halves, and null means left out. A refusal names milliseconds."""
    with agent.serving(server, "gthread") as (running, platformos):
        platformos.add_many(6)
        found = running.call(
            FETCH, {"env": "staging", "lastId": 4, "limit": None, "filter": None, "tail": None}, READER
        )
        assert [entry["id"] for entry in found["logs"]] == ["5", "6"]
        for input_ in ({"lastId": 4.0, "interval": 1000.5}, {"lastId": 4, "interval": None, "maxDuration": 9999.9}):
            tool = "platformos.logs.live" if "maxDuration" in input_ else "platformos.logs.stream"
            with running.stream(tool, {"env": "staging", **input_}, token=READER) as reader:
                assert [entry["id"] for entry in reader.wait_entries(2)] == ["5", "6"]
        for modern in (True, False):
            told = agent.called(running, agent.FETCH, modern=modern, env="staging", lastId=4, filter=None, full=None)
            assert told["count"] == 2
        refused = running.post(
            "/call-stream", {"tool": "platformos.logs.stream", "input": {"env": "staging", "interval": 3}}, READER
        )
        assert (refused.status_code, refused.json()) == (
            400,
            {"error": "`interval` is in milliseconds, 250 to 3600000; 3 is too small."},
        )
        assert agent.refused(running, agent.LIVE, env="staging", maxDuration=30) == (
            "`maxDuration` is in milliseconds, 1000 to 55000; 30 is too small."
        )


def test_fetching_again_and_again_from_last_id_gets_everything_once(server: Start, platformos: PlatformOS) -> None:
    """This holds with and without a filter, in steps of seven."""
    platformos.page = 30
    platformos.add(*[{"error_type": "error" if index % 3 == 0 else "info"} for index in range(1, 101)])
    started = server()
    for wanted, ids in (({}, platformos.ids), ({"filter": "error"}, platformos.ids[2::3])):
        got: list[str] = []
        last, more = "0", True
        while more:
            found = started.call(FETCH, {"env": "staging", "lastId": last, "limit": 7, **wanted})
            got += [entry["id"] for entry in found["logs"]]
            last, more = found["lastId"], found["truncated"]
        assert got == ids


def test_fetch_says_in_a_sentence_that_platformos_fails(server: Start, platformos: PlatformOS) -> None:
    """It is 503 with Retry-After."""
    started = server()
    platformos.fail("status", status=502)
    answer = started.post("/call", {"tool": FETCH, "input": {"env": "staging"}})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json() == {"error": "platformOS answered 502 for environment staging."}


def test_a_refused_environment_s_token_is_no_reason_to_try_again(server: Start) -> None:
    """Fetch, report and resource give 502 without Retry-After, and the command that renews it. Then they answer."""
    sentence = "platformOS refused the token of environment staging; run `pos-cli env refresh-token staging`."
    with agent.serving(server, "gthread") as (running, platformos):
        for status in (401, 403):
            platformos.fail("status", status=status, headers={"Retry-After": "7"})
            for tool in (FETCH, "platformos.logs.report"):
                answer = running.post("/call", {"tool": tool, "input": {"env": "staging"}}, READER)
                assert (answer.status_code, answer.json()) == (502, {"error": sentence})
                assert "Retry-After" not in answer.headers
            read = agent.asked(running, "resources/read", {"uri": "platformos://staging/logs"})
            assert (read.status, agent.error(read)) == (502, {"code": 502, "message": sentence})
            assert "retry-after" not in read.headers
            assert agent.refused(running, agent.FETCH, env="staging") == sentence
        platformos.heal()
        assert running.call(FETCH, {"env": "staging"}, READER)["logs"] == []


def test_health_tells_what_the_contract_says(server: Start, platformos: PlatformOS) -> None:
    """It has status, tools, version, streams open now, and environments."""
    started = server()
    platformos.add_many(1)
    with started.stream("platformos.logs.stream", {"env": "staging"}) as reader:
        reader.wait_entries(1)
        health = started.get("/health").json()
        assert health["status"] == "ok"
        assert health["tools"] == list(TOOLS)
        assert health["toolCount"] == 5
        assert health["version"]
        assert health["streams"] == 1
        (environment,) = health["environments"]
        assert environment.pop("lastSuccess").endswith("Z")
        assert environment == {"name": "staging", "url": platformos.url, "demo": False, "streams": 1}


def test_health_tells_since_when_an_environment_fails(server: Start, platformos: PlatformOS) -> None:
    """An outage shows with its sentence, and goes when it is over."""
    started = server()
    platformos.add_many(1)
    with started.stream("platformos.logs.stream", {"env": "staging", "interval": 250}) as reader:
        reader.wait_entries(1)
        platformos.fail("status", status=500)
        reader.wait_frame(lambda frame: frame.event == "error")
        failing = started.get("/health").json()["environments"][0]["failing"]
        assert failing["error"] == "platformOS answered 500 for environment staging."
        assert failing["since"].endswith("Z")
        assert failing["tries"] >= 1
        assert failing["since"] <= failing["last"]
        assert started.get("/readyz", token=None).json() == {"status": "ok"}
        (told,) = started.get("/readyz").json()["failing"]
        assert told["name"] == "staging"
        assert (told["since"], told["error"]) == (failing["since"], failing["error"])
        assert told["lastSuccess"] == started.get("/health").json()["environments"][0]["lastSuccess"]
        platformos.add_many(1)
        platformos.heal()
        reader.wait_entries(2)
        assert "failing" not in started.get("/health").json()["environments"][0]
        assert started.get("/readyz").json() == {"status": "ok"}


def test_the_demo_says_that_it_is_one_everywhere(server: Start) -> None:
    """/health, /tools and the start-up lines say so. With .pos there is no demo (other tests)."""
    started = server(own=True)
    environments = started.get("/health").json()["environments"]
    assert [(env["name"], env["demo"]) for env in environments] == [("staging", True), ("production", True)]
    assert "demo" in started.get("/tools").json()["demo"]
    assert "demo" in started.output
    with started.stream("platformos.logs.live", {"env": "production", "tail": 5, "interval": 250}) as reader:
        reader.wait_entries(8, timeout=20)
