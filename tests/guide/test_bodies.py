"""The guide's bodies, frames and headers: what travels, without a client's program around it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.guide.blocks import code, runs
from tests.guide.conftest import Scene
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import TOKEN, Server

pytestmark = pytest.mark.timeout(90)


@runs("body stream", "body live")
@pytest.mark.parametrize("name", ["body stream", "body live"])
def test_the_bodies_open_streams(scene: Scene, name: str) -> None:
    """Posted unchanged, each gets 200 and the errors of the environment that it names."""
    body = json.loads(code(name))
    env = body["input"]["env"]
    wanted, _ = scene.add("error", "info", to=env)
    with Reader(scene.server.url, body, token=TOKEN) as reader:
        assert reader.status == 200, reader.dump()
        assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
        reader.wait_until(lambda: any(entry["message"] == wanted for entry in reader.entries))
        mine = [entry for entry in reader.entries if scene.mark in entry["message"]]
        assert [(entry["env"], entry["type"], entry["message"]) for entry in mine] == [(env, "error", wanted)]


@runs("entry")
def test_entries_have_the_fields_that_the_guide_lists(scene: Scene) -> None:
    """Each field of the guide is there, in its order and of the type in its example."""
    example = json.loads(code("entry"))
    messages = scene.add(*example["type"].split("|"))
    body = {"tool": "platformos.logs.stream", "input": {"env": "staging"}}
    with Reader(scene.server.url, body, token=TOKEN) as reader:
        reader.wait_until(lambda: sum(scene.mark in entry["message"] for entry in reader.entries) == len(messages))
        mine = [entry for entry in reader.entries if scene.mark in entry["message"]]
    assert [entry["type"] for entry in mine] == example["type"].split("|")
    for entry in mine:
        assert [name for name in entry if name in example] == list(example)
        assert {name: type(entry[name]) for name in example} == {name: type(value) for name, value in example.items()}
        assert re.sub(r"\d", "0", entry["timestamp"]) == re.sub(r"\d", "0", example["timestamp"])


@runs("frames")
def test_frames_look_as_printed(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """The test provokes one frame of each kind. It has the lines and keys of the printed one.

    The guide prints the inner JSON without its escapes, so that the printed line is taken apart by hand.
    """
    printed = code("frames").strip("\n").split("\n\n")
    data, error, done, heartbeat = printed
    running = server(env={"POSLOGS_HEARTBEAT_SECONDS": "1"})
    platformos.add({})
    with running.stream("platformos.logs.live", {"env": "staging", "interval": 250, "maxDuration": 6000}) as reader:
        reader.wait_entries(1)
        reader.wait_frame(lambda frame: frame.comment == heartbeat.removeprefix(": "))
        platformos.fail("status", status=500)
        reader.wait_until(lambda: bool(reader.errors))
        reader.wait_end(20)
    assert reader.frames[-1].raw.decode() == done + "\n\n"
    assert heartbeat + "\n\n" in [frame.raw.decode() for frame in reader.frames]
    for example, event in ((data, "data"), (error, "error")):
        frame = next(frame for frame in reader.frames if frame.event == event)
        lines = [line for line in frame.raw.decode().strip("\n").split("\n") if not line.startswith("id: ")]
        outer, inner = _taken_apart(example)
        assert [line.partition(": ")[0] for line in lines] == ["event", "data"]
        assert lines[0] == example.split("\n")[0]
        assert {**json.loads(frame.data or ""), "text": ""} == outer
        assert [name for name in frame.inner if name in inner] == list(inner)


@runs("header")
def test_the_header_lets_in(scene: Scene) -> None:
    """The printed line lets in with a right secret, and not with a wrong one."""
    name, _, value = code("header").strip().partition(": ")
    for secret, status in ((TOKEN, 200), ("no-such-secret", 401)):
        answer = scene.server.get("/health", token=None, headers={name: value.replace("<client-secret>", secret)})
        assert answer.status_code == status


def _taken_apart(example: str) -> tuple[dict[str, Any], dict[str, Any]]:
    line = example.split("\n")[1].removeprefix("data: ")
    start, end = line.index('"{') + 1, line.rindex('}"') + 1
    return json.loads(line[:start] + line[end:]), json.loads(line[start:end])
