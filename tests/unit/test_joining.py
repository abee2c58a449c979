"""What a process promises that comes back to others, and missed an id reset that they have told, or saw one alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from poslogs.fleet.poll_bus import Came
from poslogs.fleet.stand import Stand
from poslogs.platformos.entries import MAX_ID, Entry, Page
from poslogs.streaming.bus import Note
from poslogs.streaming.feed import Feed
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.lookback import Lookback
from poslogs.streaming.membership import State
from poslogs.streaming.outcome import Answered, Outcome, WasReset
from poslogs.streaming.packing import Packed, pack
from poslogs.streaming.poller import Poller
from poslogs.streaming.selection import Selection
from poslogs.streaming.shared import Shared
from poslogs.streaming.sharing import Wish
from poslogs.streaming.uptake import Uptake
from tests.unit.doubles import LIVE, PLAIN, Follower, Log, StandingClock, entry, feed_of

WISH = Wish(interval=1.0, late=False, high=0, linger=1.0)


class Meeting:
    """A bus whose other processes do what the test says."""

    def __init__(self) -> None:
        self.stand: Stand | None = None
        self.came_in: list[Came] = []
        self.followed: list[str] = []
        self.highs: list[int] = []
        self.backs: list[int | None] = []
        self.done_count = 0

    def claim(self, _cursor: str, high: int, _interval: float, **_: Any) -> Stand | None:
        self.highs.append(high)
        return self.stand

    def publish(self, _cursor: str, _data: bytes, _high: int, note: Note) -> Stand:
        self.backs.append(note.back)
        return stand("2-9", granted=True)

    def came(self) -> list[Came]:
        came, self.came_in = self.came_in, []
        return came

    def follow(self, cursor: str) -> None:
        self.followed.append(cursor)

    def done(self) -> None:
        self.done_count += 1


def stand(tip: str, *, granted: bool = False, resets: tuple[tuple[str, int], ...] = ()) -> Stand:
    return Stand(granted, 0.0 if granted else 1.0, tip, 10, 1.0, False, False, True, False, 5, 0, "other", resets)


def answered(since: int, rows: Sequence[Entry], *, looks: bool = False) -> Answered:
    page = Page(list(rows), [], rows[-1].id if rows else 0, whole=True)
    return Answered(page, since, looks=looks, whole=True)


class Member:
    """A process that was a member with a window of ten rows, and has come back from a Redis that was away."""

    def __init__(self) -> None:
        self.clock, self.meeting = StandingClock(), Meeting()
        self.feed: Feed = feed_of(Log(), clock=self.clock)
        self.uptake = Uptake(self.feed, self.feed.upstream, cast("Poller", None), 30.0)
        self.uptake.take(answered(0, [entry(number) for number in range(1, 11)]), 0.0)
        self.shared = Shared(cast("Any", self.meeting), self.clock)
        self.mine = self.shared.membership
        self.mine.cursor = "1-1"
        self.mine.be(State.MEMBER)
        self.shared.claim(WISH, self.uptake)
        assert self.mine.state is State.AWAY

    def claim(self) -> None:
        self.shared.claim(WISH._replace(high=self.feed.window.high), self.uptake)

    def miss(self, id_: str) -> None:
        """Others publish a whole answer, which does not fit: its rows are of the log since the reset."""
        self.whole(id_, 6, again(7), again(8), again(9), again(10))

    def whole(self, id_: str, since: int, *rows: Entry) -> None:
        """Others publish a whole answer."""
        self.meeting.came_in = [Came(id_, "", pack(Packed(answered(since, rows), since, syncs=True)))]
        assert self.shared.take_in(self.uptake)

    def bring(self, *outcomes: tuple[str, str, Outcome, int]) -> None:
        self.meeting.came_in = [
            Came(id_, before, pack(Packed(outcome, low, syncs=False))) for id_, before, outcome, low in outcomes
        ]
        assert self.shared.take_in(self.uptake)


class Starting(Member):
    """A process whose first reader stands at 3, and that has taken nothing in."""

    def __init__(self) -> None:
        self.clock, self.meeting = StandingClock(), Meeting()
        self.feed = feed_of(Log(), clock=self.clock)
        poller = self.feed._start(3)
        self.feed._polling.loads = self.feed._polling.past = True
        self.uptake = poller._uptake
        self.shared = Shared(cast("Any", self.meeting), self.clock)
        self.mine = self.shared.membership


def again(number: int) -> Entry:
    return entry(number, message="after the restore")


def test_a_reset_that_others_have_told_is_taken_over_with_all_that_came_since() -> None:
    """It asks for what came from the reset on, and its readers are told of it once."""
    process = Member()
    process.meeting.stand = stand("1-5", resets=(("0-9", 3), ("1-3", 6)))
    process.claim()
    assert process.mine.state is State.JOINING
    process.miss("1-4")
    process.claim()
    assert process.mine.state is State.LOADING
    assert process.meeting.followed == ["1-5", "1-2"]
    assert process.feed.is_blind(cast("Any", Follower(PLAIN)))
    process.bring(
        ("1-3", "1-2", WasReset(IdReset(6, [again(7), again(8)])), 10),
        ("1-5", "1-3", answered(8, [again(9)]), 8),
    )
    assert process.mine.state is State.MEMBER
    assert process.feed.history.generation == 1
    assert process.feed.history.after(10) == 6
    assert process.feed.window.known() == {number: again(number).json for number in (7, 8, 9)}


def test_a_reset_whose_outcome_is_gone_is_taken_over_too() -> None:
    """Only what came later is left; readers from before the reset continue where ids were reset to."""
    process = Member()
    process.meeting.stand = stand("1-5", resets=(("1-3", 6), ("1-4", 4)))
    process.claim()
    process.miss("1-5")
    process.meeting.stand = stand("1-6", granted=True, resets=(("1-3", 6), ("1-4", 4)))
    process.claim()
    assert process.meeting.done_count == 1, "the claim was kept"
    process.bring(("1-6", "1-5", answered(8, [again(9)]), 8))
    assert process.mine.state is State.MEMBER
    assert process.feed.history.generation == 1
    assert process.feed.history.after(10) == 4
    assert (process.feed.window.floor, process.feed.window.high) == (8, 9)


def test_a_reset_that_this_process_has_seen_too_is_not_taken_over() -> None:
    process = Member()
    found = WasReset(IdReset(6, [again(7)]))
    assert process.shared.publish(found, process.uptake, ends=False, goes_on=False)
    assert process.uptake.take(found, 0.0)
    process.meeting.stand = stand("1-5", resets=(("1-3", 6),))
    process.claim()
    assert process.mine.state is State.JOINING
    process.claim()
    assert process.meeting.highs[-1] == 7, "others heed where its window ends"


def test_a_reset_that_no_other_has_seen_is_told_as_it_joins() -> None:
    """Else it would never be granted a question: the others' windows end further, by ids from before the reset."""
    process = Member()
    found = WasReset(IdReset(6, [again(7)]))
    assert process.shared.publish(found, process.uptake, ends=False, goes_on=False)
    assert process.uptake.take(found, 0.0)
    process.meeting.stand = stand("1-5")
    process.claim()
    process.claim()
    assert process.meeting.highs[-1] == MAX_ID
    process.meeting.stand = stand("1-5", granted=True)
    process.claim()
    joined = answered(6, [again(7), again(8)])
    assert process.shared.publish(joined, process.uptake, ends=False, goes_on=False)
    assert process.meeting.backs == [6]
    assert process.mine.state is State.MEMBER
    process.claim()
    assert process.meeting.highs[-1] == 7


def test_a_reset_that_is_told_again_is_not_taken_over_by_who_has_known_it() -> None:
    """Redis was emptied, and a process that had seen it alone told the others, who had seen it as well."""
    process = Member()
    process.uptake.take(WasReset(IdReset(6, [again(7)])), 0.0)
    process.meeting.stand = stand("1-5", resets=(("1-3", 6),))
    process.claim()
    process.mine.misses = process.mine.outdated = True  # a replica that lagged had told rows from before
    process.claim()
    assert process.mine.state is State.JOINING
    assert process.feed.history.generation == 1


def test_a_process_whose_window_is_of_the_log_since_a_reset_joins_with_an_answer_that_fits() -> None:
    """Wherever the reset was said to lead back to."""
    process = Member()
    process.meeting.stand = stand("1-5", resets=(("1-3", 4),))
    process.claim()
    process.whole("1-4", 8, entry(9), entry(10), entry(11))
    assert process.mine.state is State.MEMBER
    assert process.feed.history.generation == 0


def test_a_process_that_was_never_a_member_takes_no_reset_over() -> None:
    """Its window may have begun after it."""
    process = Member()
    process.mine.left = ""
    process.meeting.stand = stand("1-5", resets=(("1-3", 6),))
    process.claim()
    process.miss("1-4")
    process.claim()
    assert process.mine.state is State.JOINING
    assert process.feed.history.generation == 0


def test_who_has_live_readers_joins_with_an_answer_that_looks_as_far_back_as_it_would() -> None:
    """A late row that others have found meanwhile may lie before what a look of theirs reads now."""
    lookback = Lookback(30.0, 0)
    lookback.saw([entry(number) for number in range(1, 11)], 0.0, looked=True)
    lookback.looked(0.0)
    assert lookback.finds_all(5, 0)
    lookback.doubt()
    assert not lookback.finds_all(5, 0)
    assert lookback.finds_all(0, 0)
    lookback.looked(1.0, sure=True)
    assert not lookback.finds_all(5, 0), "only what another process found to be late was seen"
    lookback.looked(2.0)
    assert lookback.finds_all(5, 0)


def test_a_reset_from_before_its_readers_came_sends_none_of_them_back() -> None:
    """A process that begins takes in what others told earlier; a position past its window's end may be from before."""
    process = Member()
    polling = process.feed._polling
    polling.loads = polling.past = True
    process.uptake.take(WasReset(IdReset(6, [again(7)])), 0.0)
    assert process.feed.history.generation == 0
    assert process.feed.history.after(9) == 6
    assert process.feed.history.after(7) is None


@pytest.mark.parametrize("selection", [PLAIN, LIVE])
def test_in_a_fleet_a_position_past_the_window_waits_for_what_others_have(selection: Selection) -> None:
    """It may be from a process that is further, and not from before the reset; what they have tells."""
    process, reader = Member(), cast("Any", Follower(selection))
    feed = process.feed
    feed._share = lambda _: cast("Any", process.shared)
    process.uptake.take(WasReset(IdReset(6, [again(7)])), 0.0)
    feed._find(reader, 8)
    feed.sure(process.clock.now, looked=False)
    assert feed.is_blind(reader), "the window has not come to it"
    process.uptake.take(answered(7, [again(8)]), 0.0)
    feed.sure(process.clock.now, looked=False)
    assert not feed.is_blind(reader)
    assert feed.history.after(8) is None

    feed._find(reader, 9)
    feed.sure(process.clock.now, looked=False)
    assert feed.is_blind(reader)
    feed.sure(process.clock.now, looked=True)
    assert not feed.is_blind(reader), "nobody has come to it: it is from before the reset"
    assert feed.history.after(9) == 6


def test_a_first_load_that_breaks_off_leaves_nothing() -> None:
    """What was loaded may be of the log before a reset that others told further on, and readers came after it."""
    process = Starting()
    process.meeting.stand = stand("1-5", resets=(("1-4", 6),))
    process.claim()
    assert process.mine.goal == "1-5"
    process.bring(("1-2", "1-1", answered(6, [entry(7), entry(8)]), 6))
    assert process.feed.window.high == 8
    process.meeting.stand = None
    process.claim()
    assert process.mine.state is State.AWAY
    assert (process.feed.window.high, process.feed.window.known()) == (3, {})
    assert not process.feed.is_blind(cast("Any", Follower(PLAIN)))

    process.uptake.take(answered(3, [entry(4), entry(5), entry(6), again(7), again(8)]), 0.0)
    process.meeting.stand = stand("1-6", resets=(("1-4", 6),))
    process.claim()
    process.miss("1-6")
    assert process.mine.state is State.MEMBER
    assert process.feed.history.generation == 0


def test_a_first_load_that_breaks_off_leaves_no_reset_by_which_positions_are_judged() -> None:
    """It ended before ids had passed again where they were."""
    process = Starting()
    process.meeting.stand = stand("1-5", resets=(("1-2", 6),))
    process.claim()
    process.bring(
        ("1-1", "0-9", answered(6, [entry(7), entry(8)]), 6), ("1-2", "1-1", WasReset(IdReset(6, [again(7)])), 8)
    )
    assert process.feed.history.after(8) == 6
    process.meeting.stand = None
    process.claim()
    assert process.mine.state is State.AWAY
    assert process.feed.history.after(8) is None


def test_a_process_whose_load_after_a_reset_breaks_off_begins_it_again() -> None:
    """Nothing of it had come yet, so it has missed what it had missed before."""
    process = Member()
    process.meeting.stand = stand("1-5", resets=(("1-3", 6),))
    process.claim()
    process.miss("1-4")
    process.claim()
    assert process.mine.state is State.LOADING
    process.meeting.stand = None
    process.claim()
    assert process.mine.state is State.AWAY
    assert process.feed.window.high == 10
    process.meeting.stand = stand("1-5", resets=(("1-3", 6),))
    process.claim()
    process.miss("1-5")
    process.claim()
    assert process.mine.state is State.LOADING
    process.bring(("1-5", "1-4", answered(6, [again(7)]), 6))
    assert process.feed.history.after(10) == 6


def test_a_reset_to_where_the_window_has_not_been_changes_nothing_of_it() -> None:
    """The rows up to there are the same ones; what it asked for since is of the log since."""
    process = Member()
    process.meeting.stand = stand("1-5", resets=(("1-3", 12),))
    process.claim()
    process.uptake.take(answered(10, [entry(11), entry(12), again(13), again(14)]), 0.0)
    process.whole("1-6", 11, entry(12), again(13), entry(14))
    process.claim()
    assert process.mine.state is State.JOINING
    assert process.feed.history.generation == 0


def test_a_gap_is_no_evidence_of_another_log() -> None:
    """An answer that begins past the window does not fit, and tells nothing of the window's rows."""
    process = Member()
    process.meeting.stand = stand("1-5", resets=(("1-3", 6),))
    process.claim()
    process.whole("1-4", 14, again(15), again(16))
    assert process.mine.misses
    process.claim()
    assert process.mine.state is State.JOINING
    assert process.feed.history.generation == 0
    process.miss("1-5")
    process.claim()
    assert process.mine.state is State.LOADING, "the next answer has other rows"


def test_a_reader_that_came_while_a_process_loads_waits_for_what_others_had_then() -> None:
    """Else one that is further than what was loaded would be taken for one from before a reset that was loaded."""
    process, reader = Starting(), cast("Any", Follower(PLAIN))
    process.feed._find(reader, 8)
    process.meeting.stand = stand("1-2", resets=(("1-2", 6),))
    process.claim()
    process.bring(
        ("1-1", "0-9", answered(6, [entry(7), entry(8)]), 6), ("1-2", "1-1", WasReset(IdReset(6, [again(7)])), 8)
    )
    assert process.mine.state is State.MEMBER
    assert process.feed.is_blind(reader)
    process.uptake.take(answered(7, [again(8)]), 0.0)
    process.feed.sure(process.clock.now, looked=False)
    assert not process.feed.is_blind(reader)
    assert not process.feed.outdated(8)
