"""The shape of the code: how large a class and a module may be, and what only one module may do.

Branches and arguments of functions are bounded by ruff (C901, PLR09 in pyproject.toml).
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.server import REPO

MOST_ATTRIBUTES = 15
MOST_LINES = 200
MODULES = sorted((REPO / "poslogs").glob("**/*.py"))

# Classes and modules that are larger, and why. One that no longer is must be taken out.
CLASSES = {
    "Settings": "a field for each setting",
}
LONG = {
    "doors/shapes.py": "the shapes of all routes, for /openapi.json",
    "platformos/demo_texts.py": "what happens in the demo's shop, scene after scene",
    "streaming/frames.py": "every event as bytes, with the tables of what is escaped",
    "streaming/stream.py": "one reader from its first byte to its end, with what others may ask of it",
}

# What one module does for all others: a pattern, and where it may stand.
ALONE = {
    "a thread is started": (r"\bThread\(|\bTimer\(|start_new_thread", {"supervisor.py"}),
    "process ids are compared": (r"\bgetpid\(", {"per_process.py"}),
    "others are let run": (
        r"time\.sleep\(0\)",
        {"cooperation.py"},
    ),
    "descriptors are waited for": (
        r"\bselect\.(e?poll|select|kqueue)\b|\bselectors\.\w*Selector",
        {"servers/readiness.py"},
    ),
}


@cache
def classes(path: Path) -> list[ast.ClassDef]:
    """The classes of a module."""
    return [it for it in ast.walk(ast.parse(path.read_text())) if isinstance(it, ast.ClassDef)]


def attributes(path: Path) -> dict[str, set[str]]:
    """The attributes of each class of a module: fields, slots, and all that its methods assign on `self`."""
    found: dict[str, set[str]] = {}
    for owner in classes(path):
        names = {it.target.id for it in owner.body if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name)}
        for node in ast.walk(owner):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _name(node.value) == "self":
                names.add(node.attr)
            elif isinstance(node, ast.Assign) and "__slots__" in map(_name, node.targets):
                names |= {name for name in ast.literal_eval(node.value) if name != "__weakref__"}
        found[owner.name] = names
    return found


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def bases() -> dict[str, list[str]]:
    """The names of each class's bases."""
    return {owner.name: [_name(base) for base in owner.bases] for path in MODULES for owner in classes(path)}


def all_attributes() -> dict[str, set[str]]:
    """The attributes of each class of poslogs, with those that it has from bases here."""
    own = {name: names for path in MODULES for name, names in attributes(path).items()}
    inherited = bases()

    def whole(name: str) -> set[str]:
        return own.get(name, set()).union(*(whole(base) for base in inherited.get(name, ())))

    return {name: whole(name) for name in own}


def test_no_class_has_more_attributes_than_one_keeps_in_mind() -> None:
    """Attributes of its bases count: what is moved into a base is not gone."""
    large = {name: len(names) for name, names in all_attributes().items() if len(names) > MOST_ATTRIBUTES}
    assert large.keys() == CLASSES.keys(), large


def test_no_module_is_longer_than_one_reads_at_a_sitting() -> None:
    """Modules with a reason are excepted."""
    lines = {str(path.relative_to(REPO / "poslogs")): len(path.read_text().splitlines()) for path in MODULES}
    long = {name: count for name, count in lines.items() if count > MOST_LINES}
    assert long.keys() == LONG.keys(), long


@pytest.mark.parametrize("what", ALONE)
def test_what_one_module_does_for_all_is_done_nowhere_else(what: str) -> None:
    """Each pattern was in several places once, and each copy had its own trap (docs/decisions/0005, 0014)."""
    pattern, places = ALONE[what]
    found = {str(it.relative_to(REPO / "poslogs")) for it in MODULES if re.search(pattern, code(it))}
    assert found == places


@cache
def code(path: Path) -> str:
    """A module's text without docstrings and comments."""
    return ast.unparse(_Undocumented().visit(ast.parse(path.read_text())))


class _Undocumented(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """A string that stands for itself is a docstring."""
        return ast.Pass() if isinstance(node.value, ast.Constant) else node


def test_the_reading_counts_each_kind_of_attribute(tmp_path: Path) -> None:
    """It counts fields, slots, and what methods assign, each once."""
    module = tmp_path / "module.py"
    module.write_text(
        "class A:\n"
        "    field: int\n"
        "    __slots__ = ('slot', 'both')\n"
        "    def __init__(self, other):\n"
        "        self.both = self.one = 1\n"
        "        self.two, other.not_ours = 1, 2\n"
        "        self.three: int = 3\n"
        "        self.one += 1\n"
    )
    assert attributes(module) == {"A": {"field", "slot", "both", "one", "two", "three"}}
