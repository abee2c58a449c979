"""The sentences: what the code says when it refuses, read from the code itself."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "poslogs"


QUERIES = ("scanner.refused", "self.refused", "Misread", "NotUnderstood")  # what is wrong with a query


def in_code() -> dict[str, set[str]]:
    """Each sentence that a caller or an operator may be shown, with `…` where something is filled in, by its class.

    A sentence is the text given to a refusal, that of a query too, a ConfigError, a GatewayError or an error frame, or
    what a function named `_sentence` returns.
    """
    found: dict[str, set[str]] = {}
    classes = _refusals()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = ast.unparse(node.func)
                if name in classes or name in ("GatewayError", "frames.error", *QUERIES):
                    _add(found, name, node.args[-1])
            if isinstance(node, ast.FunctionDef) and node.name == "_sentence":
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        _add(found, "HTTPException", inner.value)
    return found


def _refusals() -> set[str]:
    tree = ast.parse((PACKAGE / "errors.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def _add(found: dict[str, set[str]], name: str, value: ast.expr) -> None:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        text = value.value
    elif isinstance(value, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in value.values)  # type: ignore[misc]
    else:
        return  # handed on from where it was made
    if text.strip("… .:"):
        found.setdefault(name, set()).add(text)
