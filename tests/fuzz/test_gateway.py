"""Whatever platformOS sends in place of HTTP: rows, or a failed poll with a sentence."""

from __future__ import annotations

import re
from contextlib import closing

from hypothesis import event, given
from hypothesis import strategies as st

from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError, HttpGateway
from tests.fuzz import strategies
from tests.fuzz.budget import share
from tests.fuzz.conftest import SECRET
from tests.support.platformos import PlatformOS


@share(0.026)
@given(
    st.one_of(st.binary(max_size=200), strategies.spoiled(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"logs":[]}'))
)
def test_any_response_is_rows_or_a_failed_poll(platformos: PlatformOS, raw: bytes) -> None:
    """Not even HTTP: rows or one kind of error, whose sentence gives nothing away."""
    platformos.fail("raw", times=1, raw=raw)
    environment = Environment("staging", platformos.url, "dev@example.com", SECRET)
    with closing(HttpGateway(environment, seconds=5.0, max_bytes=1 << 20)) as gateway:
        sentence = "Nothing failed."
        try:
            assert isinstance(gateway.after(0), list)
        except GatewayError as error:
            sentence = error.sentence
    platformos.heal()
    event(sentence)
    assert re.fullmatch(r"[A-Za-z][^\n]{10,200}[.]", sentence), sentence
    assert SECRET not in sentence
