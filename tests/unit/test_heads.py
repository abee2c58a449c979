"""What the look at heads promises: the same whether they come whole or in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poslogs.servers.heads import HEAD_BYTES, JUNCTION_BYTES, is_whole


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a"]), max_size=12).map(b"".join), st.data())
def test_a_head_that_comes_in_pieces_is_whole_as_soon_as_it_would_be_at_once(head: bytes, data: st.DataObject) -> None:
    """Each piece is looked at with the last bytes before it, and no others."""
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(head))))))
    known = 0
    for cut in cuts:
        begin = max(0, known - JUNCTION_BYTES)
        found = is_whole(head[begin:cut], known - begin)
        assert found is is_whole(head[:cut])
        if found:
            return
        known = cut


def test_a_head_that_is_too_large_is_whole() -> None:
    """The parser must refuse it."""
    assert not is_whole(b"a" * (HEAD_BYTES - 1))
    assert is_whole(b"a" * HEAD_BYTES)
