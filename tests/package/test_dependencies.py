"""What poslogs depends on: pyproject.toml gives ranges, requirements.txt one version of each and of what they need."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.package.installed import pins
from tests.support.need import repo

PROJECT = tomllib.loads((repo() / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]["redis"]
DECLARED = [Requirement(text) for text in [*PROJECT["project"]["dependencies"], *EXTRAS]]
PYTHONS = {}, {"python_version": "3.11", "python_full_version": "3.11.0"}  # this one, and the oldest
PINNED = {canonicalize_name(name): version for name, version in pins().items()}


def _needed(wanted: list[Requirement]) -> set[str]:
    """The distributions that these requirements bring on this machine, theirs included, whatever Python it has."""
    found: set[str] = set()
    asked: set[str] = set()
    while wanted:
        each = wanted.pop()
        if str(each) in asked:
            continue
        asked.add(str(each))
        found.add(canonicalize_name(each.name))
        for text in requires(each.name) or []:
            inner = Requirement(text)
            extras = [{"extra": name, **python} for name in ("", *each.extras) for python in PYTHONS]
            if inner.marker is None or any(inner.marker.evaluate(extra) for extra in extras):
                wanted.append(inner)
    return found


def test_each_pin_lies_in_its_range() -> None:
    """A pip that reads pyproject.toml accepts the versions that are tested."""
    out = {each.name for each in DECLARED if PINNED.get(canonicalize_name(each.name), "0") not in each.specifier}
    assert out == set(), "requirements.txt pins what pyproject.toml does not allow, or does not pin it"


def test_what_is_declared_brings_what_is_pinned_and_no_more() -> None:
    """The metadata of what is installed shows it."""
    assert _needed(list(DECLARED)) == set(PINNED)


def test_what_is_imported_is_declared_and_no_more() -> None:
    """The package relies on nothing that others happen to bring."""
    imported = set()
    for path in (repo() / "poslogs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module))
    theirs = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names - {"poslogs", "_typeshed"}
    of = packages_distributions()
    assert {canonicalize_name(of[name][0]) for name in theirs} == {canonicalize_name(each.name) for each in DECLARED}


def test_every_range_has_an_end() -> None:
    """The next version that may break poslogs is not taken unseen."""
    assert [str(each) for each in DECLARED if {"<", ">="} - {part.operator for part in each.specifier}] == []


def test_the_build_tool_is_pinned_within_its_range() -> None:
    """`make dist` builds with one version of what pip builds with."""
    (backend,) = (Requirement(text) for text in PROJECT["build-system"]["requires"])
    lines = (repo() / "requirements-dev.txt").read_text().splitlines()
    (version,) = (line.partition("==")[2] for line in lines if line.startswith(f"{backend.name}=="))
    assert version in backend.specifier
