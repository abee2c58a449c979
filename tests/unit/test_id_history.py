"""What an id history promises: it tells positions from before a reset from ones that the log has not reached."""

from __future__ import annotations

from poslogs.streaming.id_history import IdHistory


def test_a_position_of_before_a_reset_continues_where_the_log_was_reset_to() -> None:
    """The newest was 100; ids were reset to 20 and are at 25. So 26 to 100 are old, unless new ids pass them."""
    history = IdHistory("staging")
    history.saw(90)
    assert history.after(95) is None
    history.reset(100, 20, 25, noticed=True)
    assert (history.generation, history.top) == (1, 25)
    assert [history.after(position) for position in (20, 25, 26, 100, 101)] == [None, None, 20, 20, None]
    history.saw(60)
    assert [history.after(position) for position in (60, 61)] == [None, 20]
    assert history.restart is not None
    assert history.restart.position == 20
    assert b"were reset, as after a restored backup" in history.restart.notice.plain


def test_a_reader_s_own_question_counts_as_what_was_seen_before_a_reset() -> None:
    """The window was at 100 and a reader had seen 130, so positions up to 130 are old."""
    history = IdHistory("staging")
    history.saw(130)
    history.reset(100, 20, 20, noticed=True)
    assert history.after(130) == 20
    assert history.after(131) is None


def test_a_reset_that_no_reader_can_tell_is_none_for_them() -> None:
    """Only a reader's position said that the log went so far. The newest id is known, and no generation begins."""
    history = IdHistory("staging")
    history.reset(2**60, 3, 3, noticed=False)
    assert (history.generation, history.restart, history.top) == (0, None, 3)


def test_a_later_reset_that_no_reader_can_tell_lowers_where_readers_continue() -> None:
    """Ids were reset to 100, then to 50 while no window had entries. An earlier reader continues at 50, once."""
    history = IdHistory("staging")
    history.reset(200, 100, 100, noticed=True)
    history.reset(100, 50, 50, noticed=False)
    assert history.after(110) == 50
    assert history.restart is not None
    assert history.restart.position == 50


def test_an_answer_of_before_a_reset_says_nothing_of_the_log_after_it() -> None:
    """Its question was asked before the reset, and it comes after."""
    history = IdHistory("staging")
    generation = history.generation
    history.reset(200, 100, 100, noticed=True)
    history.saw(200, generation)
    assert history.top == 100
    history.saw(120, history.generation)
    assert history.top == 120


def test_a_reset_that_is_loaded_though_it_is_known_says_nothing_new() -> None:
    """Ids have passed the old ones since; none of the log of now is from before it."""
    history = IdHistory("staging")
    history.reset(200, 100, 100, noticed=True)
    history.saw(450)
    history.reset(200, 100, 110, noticed=True, past=True)
    assert (history.generation, history.top) == (1, 450)
    assert history.after(400) is None


def test_what_a_question_has_shown_is_not_from_before_a_reset_in_the_past() -> None:
    """A reader asked by itself while the reset was loaded."""
    history = IdHistory("staging")
    history.saw(450)
    history.reset(200, 100, 110, noticed=True, past=True)
    assert [history.after(position) for position in (111, 200, 201, 400)] == [100, 100, None, None]
