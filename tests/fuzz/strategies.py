"""What callers and platformOS might send: from almost right to anything at all."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from poslogs.tools.table import TOOLS

ODD_TEXTS = (
    "", " ", "\0", "\r\n\r\n", "\n\nevent: done\ndata: [DONE]\n\n", "id: 9\rdata: x", "\u2028\u2029", "\ud800",
    "\udfff\ud800", "\ufeff", "\x1b]8;;javascript:1\x07", "\u202e", "<script>", "data:", ":", "\x85", "\x1c\x1d\x1e",
    "0", "-1", "1e309", "9223372036854775807", "9223372036854775808", "١٢", "NaN", "true", "../../etc/passwd", "{}",
    "%s%n", "A" * 300,
)  # fmt: skip
ODD_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30, 0.5, 1e300, -0.0, float("nan"), float("inf"))
TIMES = ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00.123456789Z", "2024-02-30T10:00:00Z", "0001-01-01T00:00:00+23:59",
         "9999-12-31T23:59:59-23:59", "2024-01-15 10:00:00 UTC", "yesterday", "2024-01-15T10:00:00\u2028Z")  # fmt: skip
KINDS = ("info", "ERROR", "warning", "LiquidError", "payment-callback", "İNFO", "ß")
MAX_USUAL_ID = 10**6

any_char = st.characters(exclude_categories=())  # lone surrogates too
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(any_char, max_size=40))
numbers: st.SearchStrategy[Any] = st.one_of(st.sampled_from(ODD_NUMBERS), st.integers(), st.floats())
scalars: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=6,
)


@st.composite
def deep(draw: st.DrawFn) -> Any:
    """A value inside many lists or objects; no deeper than the stand-in itself can write."""
    value = draw(scalars)
    lists = draw(st.booleans())
    for _ in range(draw(st.sampled_from((5, 120, 260, 400)))):
        value = [value] if lists else {"a": value}
    return value


usual_ids = st.integers(1, MAX_USUAL_ID)
ids = st.one_of(usual_ids, usual_ids.map(str), usual_ids.map(float), values)


def rows_with(number: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Rows whose ids come from `number`, and values that are not rows."""
    fields = {
        "id": number,
        "created_at": st.one_of(st.sampled_from(TIMES), values),
        "error_type": st.one_of(st.sampled_from(KINDS), values),
        "message": st.one_of(texts, values, deep()),
        "data": st.one_of(st.dictionaries(texts, values, max_size=3), values, deep()),
    }
    return st.one_of(st.fixed_dictionaries({}, optional=fields), st.fixed_dictionaries(fields), values)


rows = rows_with(ids)


def _encoded(value: Any, ascii_: bool) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")


@st.composite
def spoiled(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes that were right, or nearly so."""
    data = bytearray(whole)
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 3)))):
        at = draw(st.integers(0, len(data)))
        until = at + draw(st.integers(0, 8))
        how = draw(st.sampled_from(("cut", "drop", "put", "double", "digits", "nest")))
        if how == "cut":
            del data[at:]
        elif how == "drop":
            del data[at:until]
        elif how == "put":
            data[at:at] = draw(st.one_of(st.binary(max_size=6), st.sampled_from(ODD_TEXTS).map(_raw)))
        elif how == "double":
            data[at:at] = data[at:until]
        elif how == "digits":
            data[at:at] = b"9" * draw(st.sampled_from((18, 19, 400, 5000)))
        else:
            data[at:at] = draw(st.sampled_from((b"[", b'{"a":', b"]"))) * draw(st.sampled_from((1, 300, 3000)))
    return bytes(data)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def json_bytes(value: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Values as JSON in bytes, right or spoiled."""
    return st.builds(_encoded, value, st.booleans()).flatmap(spoiled)


answers = st.one_of(
    json_bytes(st.fixed_dictionaries({"logs": st.lists(rows, max_size=5)})),
    json_bytes(values),
    st.builds(lambda value, name: json.dumps(value).encode(name), values, st.sampled_from(("utf-16", "utf-32"))),
    st.binary(max_size=200),
    st.sampled_from(
        (b"", b" \n", b"{}", b"\xef\xbb\xbf{}", b'{"logs":null}', b"<html></html>", b'{"logs":[' + b"[" * 10**5)
    ),
)

INPUTS = ["env", *sorted({name for tool in TOOLS.values() for name in tool.inputs} - {"env"})]
likely = st.one_of(
    st.just("staging"), st.sampled_from(("0", "1", "error", "info", "production")), st.integers(-1, 10_001), values
)
calls = st.one_of(
    st.fixed_dictionaries(
        {"tool": st.one_of(st.sampled_from(sorted(TOOLS)), st.sampled_from(sorted(TOOLS)), values)},
        optional={
            "input": st.one_of(
                st.fixed_dictionaries({"env": st.just("staging")}, optional=dict.fromkeys(INPUTS[1:], likely)),
                st.dictionaries(st.one_of(st.sampled_from(INPUTS), texts), likely, max_size=4),
                values,
            )
        },
    ),
    values,
)
bodies = st.one_of(json_bytes(calls), st.binary(max_size=100))
