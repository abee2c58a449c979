"""Descriptions: /metrics and /openapi.json, which programs read."""

from __future__ import annotations

from collections.abc import Callable

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, TOKEN, Server

Start = Callable[..., Server]


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
    """They move with what happens, and are what a Prometheus server parses."""
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
    """No name of an environment that it may not read; and without a token nothing."""
    clients = {**CLIENTS, "other": {"token": "other-secret", "envs": ["production"]}}
    started = server(clients=clients)
    platformos.add_many(1)
    with started.stream("platformos.logs.stream", {"env": "staging"}) as reader:
        reader.wait_entries(1)
        assert "staging" not in started.get("/metrics", token="other-secret").text
        assert "staging" in started.get("/metrics").text
    assert started.get("/metrics", token=None).status_code == 401


def test_openapi_is_valid_and_describes_every_route_and_tool(server: Start, platformos: PlatformOS) -> None:
    """By the specification's own validator; its bodies accept what the server accepts and refuse what it refuses."""
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
