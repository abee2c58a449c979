"""Whatever platformOS sends in place of HTTP: rows, or a failed poll with a sentence."""

from __future__ import annotations

import re
from contextlib import closing

from hypothesis import event, given
from hypothesis import strategies as st

from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError, HttpGateway
from tests.fuzz import strategies
from tests.fuzz.budget import share
from tests.fuzz.conftest import SECRET
from tests.support.platformos import PlatformOS

STATUSES = (100, 101, 200, 200, 204, 206, 301, 302, 304, 401, 403, 404, 429, 500, 503, 999)
HEADERS = (
    b"Content-Length: 11", b"Content-Length: 2", b"Content-Length: -1", b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip", b"Content-Encoding: deflate, br", b"Location: http://127.0.0.1:9/", b"Location: \xff",
    b"Retry-After: 1", b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", b"Retry-After: -1e9", b"Set-Cookie: a=b",
)  # fmt: skip
wholes = st.builds(
    lambda status, headers, body: b"\r\n".join([b"HTTP/1.1 %d Odd" % status, *headers, b"", body]),
    st.sampled_from(STATUSES),
    st.lists(st.sampled_from(HEADERS), max_size=3),
    st.sampled_from((b'{"logs":[]}', b"", b'b\r\n{"logs":[]}\r\n0\r\n\r\n', b"ff\r\n{", b"\x1f\x8b\x08\0\0")),
)


@share(0.026)
@given(st.one_of(st.binary(max_size=200), wholes, wholes.flatmap(strategies.spoiled)))
def test_any_response_is_rows_or_a_failed_poll(platformos: PlatformOS, raw: bytes) -> None:
    """Even what is not HTTP gives rows or one kind of error, whose sentence reveals nothing."""
    platformos.fail("raw", times=1, raw=raw)
    environment = Environment("staging", platformos.url, "dev@example.com", SECRET)
    with closing(HttpGateway(environment, seconds=5.0, max_bytes=1 << 20)) as gateway:
        sentence = "Nothing failed."
        try:
            assert isinstance(gateway.after(0), Page)
        except GatewayError as error:
            sentence = error.sentence
    platformos.heal()
    event(sentence)
    assert re.fullmatch(r"[A-Za-z][^\n]{10,200}[.]", sentence), sentence
    assert SECRET not in sentence
