"""Descriptions: /metrics and /openapi.json, which programs read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, TOKEN, Server

Start = Callable[..., Server]

FEW = "who-may-ask-twice-a-minute"


def _values(server: Server, name: str) -> dict[str, float]:
    """The samples of one series without an environment, by the only label that it has."""
    return {
        next(iter(sample.labels.values()), ""): sample.value
        for family in text_string_to_metric_families(server.get("/metrics").text)
        for sample in family.samples
        if sample.name == name
    }


def _samples(server: Server, token: str = TOKEN) -> dict[tuple[str, str], float]:
    answer = server.get("/metrics", token=token)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, sample.labels.get("env", "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_streams_polls_failures_and_entries(server: Start, platformos: PlatformOS) -> None:
    """They change with what happens, and a Prometheus server can parse them."""
    started = server()
    platformos.add_many(3)
    with started.stream("platformos.logs.stream", {"env": "staging", "interval": 250}) as reader:
        reader.wait_entries(3)
        samples = _samples(started)
        assert samples["poslogs_streams_open", ""] == samples["poslogs_feed_readers", "staging"] == 1
        assert samples["poslogs_entries_total", "staging"] == 3
        assert samples["poslogs_polls_total", "staging"] >= 1
        assert samples["poslogs_poll_failures_total", "staging"] == samples["poslogs_feed_failing", "staging"] == 0
        platformos.fail("status", status=500)
        reader.wait_frame(lambda frame: frame.event == "error")
        samples = _samples(started)
        assert samples["poslogs_poll_failures_total", "staging"] >= 1
        assert samples["poslogs_feed_failing", "staging"] == 1
        assert samples["poslogs_feed_last_success_timestamp_seconds", "staging"] > 1_700_000_000


def test_metrics_tell_a_client_of_its_own_environments_only(server: Start, platformos: PlatformOS) -> None:
    """They name no environment that it may not read, and without a token there is nothing."""
    clients = {**CLIENTS, "other": {"token": "other-secret", "envs": ["production"]}}
    started = server(clients=clients)
    platformos.add_many(1)
    with started.stream("platformos.logs.stream", {"env": "staging"}) as reader:
        reader.wait_entries(1)
        assert "staging" not in started.get("/metrics", token="other-secret").text
        assert "staging" in started.get("/metrics").text
    assert started.get("/metrics", token=None).status_code == 401


def test_metrics_count_refusals_by_status(server: Start, platformos: PlatformOS) -> None:
    """Each answer of 400 or more counts, from any part. A status that has not happened yet is 0, so its first shows."""
    limits = {"requests": "2 per minute", "streams": 1}
    clients = {
        **CLIENTS,
        "one": {"token": "one-secret", "limits": {**limits, "requests": "100 per minute"}},
        "slow": {"token": "slow-secret", "envs": ["elsewhere"], "limits": limits},
    }
    started = server(clients=clients, own=True)
    before = _values(started, "poslogs_refusals_total")
    assert {"400", "401", "403", "404", "429", "503"} <= set(before)
    assert set(before.values()) == {0}
    fetch = {"tool": "platformos.logs.fetch", "input": {"env": "staging"}}
    assert started.get("/nothing").status_code == 404
    assert started.post("/call", {}).status_code == 400
    assert started.get("/tools", token=None).status_code == started.get("/tools", token="wrong").status_code == 401
    assert started.post("/mcp", {}, token="wrong").status_code == 401
    assert [started.post("/call", fetch, token="slow-secret").status_code for _ in range(3)] == [403, 403, 429]
    with started.stream("platformos.logs.stream", {"env": "staging"}, token="one-secret") as reader:
        assert reader.status == 200
        with started.stream("platformos.logs.stream", {"env": "staging"}, token="one-secret") as another:
            assert another.status == 429
    platformos.fail("status", status=500)
    assert started.post("/call", fetch).status_code == 503
    assert started.get("/call").status_code == 405
    rose = {status: count for status, count in _values(started, "poslogs_refusals_total").items() if count}
    assert rose == {"400": 1, "401": 3, "403": 2, "404": 1, "405": 1, "429": 2, "503": 1}


def test_metrics_tell_of_the_process_and_of_environments_that_nobody_has_read(
    server: Start, platformos: PlatformOS
) -> None:
    """They have memory and descriptors of the worker, and zeros for each environment, for alerts."""
    started = server(environments={"staging": platformos, "unread": platformos})
    platformos.add_many(1)
    assert _samples(started)["poslogs_feed_readers", "staging"] == 0
    with started.stream("platformos.logs.stream", {"env": "staging"}) as reader:
        reader.wait_entries(1)
        samples = _samples(started)
    assert samples["poslogs_feed_readers", "staging"] == 1
    unread = {name: value for (name, env), value in samples.items() if env == "unread"}
    assert set(unread) == {name for name, env in samples if env == "staging"}
    assert set(unread.values()) == {0}
    descriptors = len(os.listdir(f"/proc/{started.worker_pid()}/fd"))
    assert abs(samples["process_open_fds", ""] - descriptors) < 20
    assert samples["process_max_fds", ""] > samples["process_open_fds", ""] > 0
    assert samples["process_resident_memory_bytes", ""] > 10_000_000


def test_health_is_degraded_while_the_polls_of_an_environment_fail_and_still_200(
    server: Start, platformos: PlatformOS
) -> None:
    """It says which, since when and why to clients that may read it. /readyz stays ok: it decides where readers go."""
    clients = {**CLIENTS, "other": {"token": "other-secret", "envs": ["fine"]}}
    with PlatformOS() as fine:
        started = server(environments={"staging": platformos, "fine": fine}, clients=clients)
        assert started.get("/health").json()["status"] == "ok"
        platformos.fail("status", status=500)
        asked = {"env": "staging", "interval": 250}
        with started.stream("platformos.logs.stream", asked) as reader:
            reader.wait_frame(lambda frame: frame.event == "error")
            answer = started.get("/health")
            told = answer.json()
            assert (answer.status_code, told["status"]) == (200, "degraded")
            ((name, since, error),) = [(each["name"], each["since"], each["error"]) for each in told["failing"]]
            assert (name, error) == ("staging", "platformOS answered 500 for environment staging.")
            assert since <= told["failing"][0]["last"]
            assert started.get("/health", token="other-secret").json()["status"] == "ok"
            assert started.get("/readyz").status_code == 200
            platformos.heal()
            platformos.add_many(1)
            reader.wait_entries(1)
            told = started.get("/health").json()
            assert (told["status"], "failing" in told, told["heartbeat"]) == ("ok", False, 15)


def test_health_is_degraded_after_a_refused_token_until_it_is_renewed(server: Start, platformos: PlatformOS) -> None:
    """Nobody polls any more, so the state stays. A new `.pos` clears it without a question."""
    started = server()
    platformos.token = "renewed"
    with started.stream("platformos.logs.stream", {"env": "staging"}) as reader:
        reader.wait_end()
    assert started.get("/health").json()["failing"][0]["error"].startswith("platformOS refused the token")
    started.write_pos({"staging": platformos})
    assert started.get("/health").json()["status"] == "ok"


def test_openapi_is_for_everyone_and_names_what_programs_need(server: Start) -> None:
    """It needs no token. It has an operationId for each route, servers, Last-Event-ID, and no data of this server."""
    started = server()
    answer = started.get("/openapi.json", token=None)
    assert answer.status_code == 200
    description = answer.json()
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) == len(operations)
    assert all(name.isidentifier() for name in names)
    assert [server["url"] for server in description["servers"]] == ["/", "http://localhost:3030"]
    assert description["paths"]["/openapi.json"]["get"]["security"] == []
    (header,) = description["paths"]["/call-stream"]["post"]["parameters"]
    assert (header["name"], header["in"]) == ("Last-Event-ID", "header")
    for own in ("client-secret", str(started.port), str(started.folder)):
        assert own not in answer.text
    assert started.get("/openapi.json", token="wrong").json() == description


def test_every_answer_has_the_shape_that_openapi_tells(server: Start, platformos: PlatformOS) -> None:
    """These are tools, health in good and bad times, probes, refusals, each tool's answer and each stream event."""
    started = server(environments={"staging": platformos, "half": {"url": "https://example.com"}})
    description = started.get("/openapi.json", token=None).json()

    def check(name: str, value: Any) -> Any:
        schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
        Draft202012Validator(schema).validate(value)
        known = set(description["components"]["schemas"][name]["properties"])
        assert set(value) <= known, (name, set(value) - known)
        return value

    platformos.add({"message": "x" * 3_000_000, "error_type": "LiquidError", "data": {"a": 1}}, {"error_type": "weird"})
    check("Tools", started.get("/tools").json())
    check("Error", started.get("/nothing").json())
    check("Ready", started.get("/livez").json())
    for tool, name, asked in (
        ("logs.fetch", "Logs", {"env": "staging"}), ("env.list", "Envs", {}),
        ("logs.report", "Report", {"env": "staging", "lastId": "0"}),
    ):  # fmt: skip
        answer = started.post("/call", {"tool": f"platformos.{tool}", "input": asked}).json()
        check(name, json.loads(check("Content", answer)["content"][0]["text"]))
    with started.stream("platformos.logs.stream", {"env": "staging", "interval": 250}) as reader:
        assert check("Entry", reader.wait_entries(2)[0])["cut"] is True
        platformos.fail("status", status=500)
        reader.wait_frame(lambda frame: frame.event == "error")
        for frame in reader.frames:
            if frame.event in ("data", "error"):
                event = check("DataEvent" if frame.event == "data" else "ErrorEvent", json.loads(frame.data))
                check("Entry" if frame.event == "data" else "Failure", json.loads(event["text"]))
        assert check("Health", started.get("/health").json())["failing"]
        assert check("Ready", started.get("/readyz").json())["failing"]


def test_openapi_is_valid_and_describes_every_route_and_tool(server: Start, platformos: PlatformOS) -> None:
    """The specification's validator accepts it. Its schemas accept and refuse the same bodies as the server."""
    from openapi_spec_validator import validate  # here, since each process of the tests loads this file

    started = server()
    description = started.get("/openapi.json").json()
    validate(description)
    assert set(description["paths"]) == {
        "/call-stream", "/call", "/mcp", "/tools", "/health", "/metrics", "/openapi.json", "/livez", "/readyz",
        "/", "/page/{file}",
    }  # fmt: skip
    body = description["paths"]["/call"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for asked, status in (
        ({"tool": "platformos.env.list"}, 200),
        ({"tool": "platformos.logs.fetch", "input": {"env": "staging", "limit": 5}}, 200),
        ({"tool": "platformos.logs.fetch", "input": {"env": "staging", "limit": 0}}, 400),
        ({"tool": "platformos.logs.fetch"}, 400),
    ):
        assert started.post("/call", asked).status_code == status
        assert Draft202012Validator(body).is_valid(asked) is (status == 200), asked


def test_every_object_of_openapi_says_what_it_holds(server: Start) -> None:
    """Without properties and additionalProperties generators assume an empty object."""

    def objects(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            if value.get("type") == "object" and not {"properties", "additionalProperties"} & set(value):
                yield path
            value = list(value.items())
        elif isinstance(value, list):
            value = list(enumerate(value))
        for key, each in value if isinstance(value, list) else ():
            yield from objects(each, f"{path}/{key}")

    assert list(objects(server().get("/openapi.json", token=None).json(), "#")) == []


def test_every_refusal_is_told_by_openapi_with_its_shape(server: Start, platformos: PlatformOS) -> None:
    """Routes refuse a missing or published token, an unreadable body, and what tools refuse."""
    clients = {**CLIENTS, "few": {"token": FEW, "limits": {"requests": "2 per minute", "streams": 1}}}
    started = server(clients={**clients, "published": {"token": "client-secret"}})
    description = started.get("/openapi.json", token=None).json()
    fetch = {"tool": "platformos.logs.fetch", "input": {"env": "staging"}}
    stream = {"tool": "platformos.logs.stream", "input": {"env": "staging"}}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    modern = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    bodies: tuple[tuple[str, Any], ...] = (("/call", fetch), ("/call-stream", stream), ("/mcp", ping))

    def ask(method: str, path: str, status: int, body: Any = None, token: str | None = TOKEN, **kw: Any) -> None:
        answer = (started.post if method == "post" else started.get)(path, token=token, json=body, **kw)
        assert answer.status_code == status, (path, answer.text)
        told = description["paths"][path][method]["responses"].get(str(status))
        assert told is not None, f"{method} {path} does not tell of {status}"
        (media,) = (each for kind, each in told["content"].items() if kind == "application/json")
        Draft202012Validator({**media["schema"], "components": description["components"]}).validate(answer.json())

    def post(path: str, status: int, body: Any = None, **kw: Any) -> None:
        ask("post", path, status, body, **kw)

    for token, status in ((None, 401), ("nobody", 401), ("client-secret", 403)):
        for path in ("/tools", "/health", "/metrics"):
            ask("get", path, status, token=token)
        for path, body in bodies:
            post(path, status, body, token=token)
    for path, body in bodies:
        post(path, 400, headers={"Content-Type": "application/json"}, data=b"{")
        post(path, 413, headers={"Content-Type": "application/json"}, data=b" " * 2_000_000)
        post(path, 415, headers={"Content-Type": "image/png"}, data=json.dumps(body))
    post("/call", 404, {"tool": "platformos.logs.nothing"})
    post("/call", 400, stream)
    post("/mcp", 406, ping, headers={"Accept": "image/png"})
    post("/mcp", 421, ping, headers={"Host": "example.com"})
    post("/mcp", 400, {**ping, "params": modern})
    platformos.fail("status", status=500)
    post("/call", 503, fetch)
    for path in ("/tools", "/health", "/metrics"):
        started.get("/tools", token=FEW), started.get("/tools", token=FEW)
        ask("get", path, 429, token=FEW)
    for path, body in bodies[:2]:
        post(path, 429, body, token=FEW)
    platformos.heal()
    platformos.token = "renewed"
    post("/call", 502, fetch)
