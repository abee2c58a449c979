"""What these tests share: /openapi.json of a real server, and what each generator makes of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.openapi import install
from tests.support.install import CannotInstall
from tests.support.need import missing, need
from tests.support.server import Server

GENERATE_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Made:
    """What a generator has made in `folder`, and all that it said."""

    folder: Path
    status: int
    said: str


def ran(argv: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a tool says about the files of a folder, stderr with stdout; it asks no proxy and writes without colours.

    Of two programs of one name it finds the one that lies beside it.
    """
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    path = os.pathsep.join([str(Path(argv[0]).parent), os.environ.get("PATH", "")])
    env = {**kept, "PATH": path, "HOME": str(folder), "NO_PROXY": "*", "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        argv,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=GENERATE_TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server, for its description alone."""
    with Server(tmp_path_factory.mktemp("described")) as server:
        yield server


@pytest.fixture(scope="session")
def description(described: Server) -> dict[str, Any]:
    """/openapi.json, parsed."""
    parsed: dict[str, Any] = json.loads(described.get("/openapi.json", token=None).content)
    return parsed


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of what npm has."""
    need("node")
    try:
        return install.node_modules()
    except CannotInstall as reason:
        missing(str(reason))


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """The Python that has openapi-python-client."""
    try:
        return install.python_program()
    except CannotInstall as reason:
        missing(str(reason))


@pytest.fixture(scope="session")
def python(described: Server, interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What openapi-python-client makes: the package `poslogs_client`."""
    folder = tmp_path_factory.mktemp("python")
    generator = interpreter.with_name("openapi-python-client")
    options = ["--url", f"{described.url}/openapi.json", "--meta", "none", "--output-path", "poslogs_client"]
    it = ran([generator, "generate", *options, "--fail-on-warning"], folder)
    return Made(folder, it.returncode, it.stdout)


@pytest.fixture(scope="session")
def typescript(described: Server, node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What openapi-typescript makes: the types `schema.ts`, beside the modules."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "package.json").write_text('{"type": "module"}')
    program = node_modules / "openapi-typescript" / "bin" / "cli.js"
    it = ran([need("node"), program, f"{described.url}/openapi.json", "--output", "schema.ts"], folder)
    return Made(folder, it.returncode, it.stdout)
