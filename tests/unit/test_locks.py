"""No lock is held across anything that may wait: under gevent others run there, and meet it held."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.server import REPO

WAITS = re.compile(
    r"(threading\.Thread\(.*\)|question|thread)\.start|time\.sleep|.*\b(join|acquire|send|sendall|recv|connect|shutdown|close)"
    r"|(.*\.)?log\.\w+|.*\b(poll|select|read|write|refresh|gone|left|disconnected|interfere|wait|wait_for|on_\w+)|.*\.set|open"
)
MAY = ("self._changed.wait", "self._changed.wait_for", "logging.getLogger")  # a condition lets go of its lock meanwhile


def held_across(source: str) -> list[str]:
    """The calls inside `with self._lock` and its like that may wait, by line and text, through methods of the class."""
    found: list[str] = []
    for owner in ast.walk(ast.parse(source)):
        body = owner.body if isinstance(owner, ast.ClassDef) else []
        methods = {it.name: it for it in body if isinstance(it, ast.FunctionDef)}
        for node in ast.iter_child_nodes(owner) if isinstance(owner, ast.ClassDef | ast.Module) else ():
            for held in ast.walk(node):
                names = [ast.unparse(item.context_expr) for item in held.items] if isinstance(held, ast.With) else []
                if any(name.endswith(("lock", "_changed", "_condition")) for name in names):
                    found += _waits(held, methods, frozenset())
    return sorted(set(found))


def _waits(node: ast.AST, methods: dict[str, ast.FunctionDef], seen: frozenset[str]) -> list[str]:
    found = [f"{it.lineno}: yield" for it in ast.walk(node) if isinstance(it, ast.Yield | ast.YieldFrom)]
    for call in ast.walk(node):
        if not isinstance(call, ast.Call):
            continue
        text = ast.unparse(call.func)
        own = text.removeprefix("self.")
        if text not in MAY and (WAITS.fullmatch(text) or isinstance(call.func, ast.Lambda)):
            found.append(f"{call.lineno}: {ast.unparse(call)[:80]}")
        elif text.startswith("self.") and own in methods and own not in seen:
            found += _waits(methods[own], methods, seen | {own})
    return found


@pytest.mark.parametrize("path", sorted(REPO.glob("poslogs/**/*.py")), ids=lambda path: str(path.relative_to(REPO)))
def test_no_lock_is_held_across_anything_that_may_wait(path: Path) -> None:
    """The test reads the code: thread starts, log lines, sockets, files, callbacks, `yield`. tests/schedule runs it."""
    assert held_across(path.read_text()) == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("threading.Thread(target=run).start()", 1),
        ("log.warning('%s', error)", 1),
        ("self._sock.close()", 1),
        ("yield 1", 1),
        ("other.wait(1.0)", 1),
        ("self._count += 1; self._all.append(3)", 0),
    ],
)
def test_the_reading_sees_what_waits(body: str, count: int) -> None:
    """It finds each kind and nothing else, also inside a method of the same class."""
    direct = f"class A:\n    def f(self):\n        with self._lock:\n            {body}\n"
    behind = f"class A:\n    def f(self):\n        with self._lock: self.g()\n    def g(self):\n        {body}\n"
    assert len(held_across(direct)) == count
    assert len(held_across(behind)) == count
