"""What is promised of large pieces: one bound for all that are held, and holders that take some are cut off last."""

from __future__ import annotations

from functools import partial

from poslogs.streaming.large import Large


def test_who_has_taken_nothing_for_the_longest_is_cut_off_once() -> None:
    """Of three pieces of 40 bytes, with 100 allowed, it is the first holder, unless that has taken some meanwhile."""
    large, cut = Large(100), []
    for name in "ab":
        large.hold(name, bytes(40) + name.encode(), partial(cut.append, name))
    large.hold("a", bytes(30), partial(cut.append, "a"))
    large.hold("c", bytes(40), partial(cut.append, "c"))
    assert cut == ["b"]
    assert large.held == 70
    large.hold("d", bytes(99), partial(cut.append, "d"))
    assert cut == ["b", "a", "c"]
    assert large.held == 99


def test_a_piece_that_many_hold_counts_once() -> None:
    """All readers may be given the same piece."""
    large, cut, piece = Large(100), [], bytes(90)
    for name in "abc":
        large.hold(name, piece, partial(cut.append, name))
    assert (large.held, cut) == (90, [])
    for name in "abc":
        assert large.held == 90
        large.let_go(name)
        large.let_go(name)
    assert large.held == 0


def test_one_that_is_larger_than_all_may_be_is_held_alone() -> None:
    """The last holder is not cut off."""
    large, cut = Large(100), []
    large.hold("a", bytes(10), partial(cut.append, "a"))
    large.hold("b", bytes(1000), partial(cut.append, "b"))
    assert cut == ["a"]
    assert large.held == 1000
