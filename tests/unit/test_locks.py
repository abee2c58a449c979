"""No lock is held across anything that may wait: under gevent that is where others get on, and meet it held."""

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
    """The calls inside `with self._lock` and its like, by their text and line, that may wait."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.With):
            continue
        names = [ast.unparse(item.context_expr) for item in node.items]
        if not any(name.endswith(("lock", "_changed", "_condition")) for name in names):
            continue
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            text = ast.unparse(call.func)
            if text not in MAY and (WAITS.fullmatch(text) or isinstance(call.func, ast.Lambda)):
                found.append(f"{call.lineno}: {ast.unparse(call)[:80]}")
        found += [f"{it.lineno}: yield" for it in ast.walk(node) if isinstance(it, ast.Yield | ast.YieldFrom)]
    return found


@pytest.mark.parametrize("path", sorted(REPO.glob("poslogs/**/*.py")), ids=lambda path: str(path.relative_to(REPO)))
def test_no_lock_is_held_across_anything_that_may_wait(path: Path) -> None:
    """By reading: thread starts, log lines, sockets, files, callbacks, `yield`. tests/schedule sees it by running."""
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
    """Each kind, and nothing else."""
    assert len(held_across(f"def f(self):\n    with self._lock:\n        {body}\n")) == count
