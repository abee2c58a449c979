"""A fetch from several environments: how long it goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poslogs.errors import Unavailable
from poslogs.streaming.found import Found
from poslogs.streaming.joint_fetch import MAX_SECONDS, first, in_time, room_for


def read(names: list[str], each: float) -> Iterator[str]:
    """The environments whose turns come, if each takes so many seconds."""
    now = [0.0]
    for name in in_time(names, lambda: now[0]):
        yield name
        now[0] += each


def test_the_turn_of_an_environment_comes_in_time_or_the_call_is_refused_with_what_to_do() -> None:
    """Each takes 25 s: the fourth would begin after 75."""
    turns = read(["a", "b", "c", "d", "e"], 25.0)
    assert [next(turns), next(turns), next(turns)] == ["a", "b", "c"]
    with pytest.raises(Unavailable) as refused:
        next(turns)
    assert refused.value.sentence == (
        "Only 3 of 5 environments could be read within 60 s; name fewer in `env`, or try again later."
    )
    assert int(refused.value.headers["Retry-After"]) > 0


def test_a_turn_that_has_come_is_not_cut_short() -> None:
    """The last of them may take as long as it likes; none at all is fine."""
    assert list(read(["a", "b"], MAX_SECONDS)) == ["a", "b"]
    assert list(read([], MAX_SECONDS)) == []


def test_environments_without_entries_are_read_all_the_same() -> None:
    """Their positions stay."""
    found = first({"a": Found(last=5), "b": Found(last=7)}, room_for(10))
    assert (found.entries, found.last, found.truncated) == ([], "a:5,b:7", False)
