"""Clients that others' generators make from /openapi.json: made without a warning, whole, typed, and they work."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.openapi.conftest import Made, ran
from tests.openapi.install import HERE
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.server import TOKEN, Server

Start = Callable[..., Server]

COMPLAINT = re.compile(r"warn|error|unsupported|skipp|omit|unable|cannot", re.IGNORECASE)
FIRST = {"error_type": "LiquidError", "message": "é \u2028 日本 🎉", "data": {"a": [1, None]}}
ROWS = (FIRST, {"error_type": "weird", "message": "second"})


def operations(description: dict[str, Any]) -> dict[str, str]:
    """The path of each operation by its id."""
    return {its["operationId"]: path for path, each in description["paths"].items() for its in each.values()}


@pytest.fixture(params=["python", "typescript"])
def made(request: pytest.FixtureRequest) -> Made:
    """What each generator makes."""
    it: Made = request.getfixturevalue(request.param)
    return it


def test_a_generator_has_nothing_to_complain_of(made: Made) -> None:
    """It exits with 0, and each line that it writes says what it does."""
    assert made.status == 0, made.said
    assert COMPLAINT.search(made.said) is None, made.said


def test_python_has_every_operation_and_shape(python: Made, description: dict[str, Any]) -> None:
    """There is a module for each operation, and a class for each shape and each tool's input."""
    package = python.folder / "poslogs_client"
    modules = {path.stem.replace("_", "") for path in (package / "api" / "default").glob("*.py")}
    assert {name.lower() for name in operations(description)} == modules - {"init"}
    classes = re.findall(r'^    "(\w+)",$', (package / "models" / "__init__.py").read_text(), re.MULTILINE)
    assert set(description["components"]["schemas"]) <= set(classes)


def test_typescript_has_every_operation_and_shape(typescript: Made, description: dict[str, Any]) -> None:
    """There is an entry for each path and operation, with its answer, and a type for each shape."""
    types = (typescript.folder / "schema.ts").read_text()
    names = [*description["paths"], *operations(description), *description["components"]["schemas"]]
    assert [name for name in names if not re.search(rf'^ +"?{re.escape(name)}"?: {{$', types, re.MULTILINE)] == []
    assert re.findall(r"^ +(.+): Record<string, never>;$", types, re.MULTILINE) == ["input?"]  # of platformos.env.list


@pytest.fixture
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, Server], Program]:
    """`programs(language, server)`: starts the program on the client that was made, once its types are checked."""

    def start(language: str, server: Server) -> Program:
        made: Made = request.getfixturevalue(language)
        assert made.status == 0, made.said
        folder = tmp_path / language
        shutil.copytree(made.folder, folder, symlinks=True)
        if language == "python":
            interpreter: Path = request.getfixturevalue("interpreter")
            options = ["--strict", "--follow-imports", "silent", "--python-executable", interpreter]
            checker: list[str | Path] = [sys.executable, "-m", "mypy", *options]
            script, command = "watch.py", [str(interpreter), "watch.py"]
        else:
            checker = [need("node"), "node_modules/typescript/bin/tsc", "--strict", "--module", "nodenext"]
            script, command = "watch.ts", [need("node"), "watch.js"]
        shutil.copy(HERE / "programs" / script, folder)
        checked = ran([*checker, script], folder)
        assert checked.returncode == 0, checked.stdout
        return Program(command, folder, {"URL": server.url, "TOKEN": TOKEN})

    return start


def test_a_python_program_has_typed_answers(
    server: Start, platformos: PlatformOS, programs: Callable[[str, Server], Program]
) -> None:
    """It calls every operation and reads fields by name; what it follows for a while goes on after the id it gives."""
    platformos.add(*ROWS)
    with programs("python", server()) as program:
        assert program.wait_exit(60) == 0, program.out.text
        told = steps(program)
    assert [entry["message"] for entry in told["entry"]] == ["second"]
    assert told["end"] == [{"done": True}]
    has_answers(told)


def test_a_typescript_program_has_typed_answers(
    server: Start, platformos: PlatformOS, programs: Callable[[str, Server], Program]
) -> None:
    """It calls every operation and reads fields by name; what its types refuse the server refuses; a stream is live."""
    platformos.add(*ROWS)
    with programs("typescript", server()) as program:
        program.wait_line('"open"', 60)
        for number in range(3):  # each comes before the next is there
            platformos.add({"error_type": "info", "message": f"wave {number}"})
            program.wait_line(f'"wave {number}"')
        assert program.wait_exit(60) == 0, program.out.text
        told = steps(program)
    assert [entry["message"] for entry in told["entry"]] == ["wave 0", "wave 1", "wave 2"]
    assert told["refused"] == [{"statuses": ["400", "400", "400", "400"]}]
    has_answers(told)


def steps(program: Program) -> dict[str, list[dict[str, Any]]]:
    """What a program has reported, by step."""
    told: dict[str, list[dict[str, Any]]] = {}
    for line in program.lines:
        step = json.loads(line)
        told.setdefault(step.pop("step"), []).append(step)
    return told


def has_answers(told: dict[str, list[dict[str, Any]]]) -> None:
    """Every program has read ROWS, and been refused twice."""
    (tools,), (health,), (fetched,), (envs,), (report,) = (
        told[step] for step in ("tools", "health", "fetched", "envs", "report")
    )
    assert (len(tools["names"]), tools["streaming"]) == (5, 2)
    assert (health["status"], health["streams"], health["environments"]) == ("ok", 0, ["staging"])
    assert (fetched["count"], fetched["lastId"], fetched["truncated"]) == (2, "2", False)
    assert {**{name: fetched[name] for name in FIRST}, "data": json.loads(fetched["data"])} == FIRST
    assert (fetched["id"], fetched["env"], fetched["grave"], fetched["cut"]) == ("1", "staging", "error", False)
    assert fetched["at"] > 1_700_000_000_000
    assert envs["names"] == ["staging"]
    assert report == {"total": 2, "errors": 1, "newest": [FIRST["message"]]}
    (wrong,), (stranger,) = told["wrong"], told["stranger"]
    assert wrong == {"status": 400, "sentence": 'Unknown environment "stagin"; known: staging.'}
    assert stranger["status"] == 401
    assert stranger["sentence"].startswith("This token is not known here")
    (probes,), (texts,), (mcp,) = told["probes"], told["texts"], told["mcp"]
    assert probes == {"livez": "ok", "readyz": "ok"}
    assert texts["metrics"] is texts["page"] is True
    assert texts["file"] > 100
    assert "components" in texts["itself"]
    assert (mcp["id"], mcp["result"]) == ("1", ["tools"])
    assert mcp["lost"].startswith("This server has no such method")
