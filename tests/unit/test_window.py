"""What the window promises about where a position lies in it, against a model that holds everything."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poslogs.platformos.entries import Entry
from poslogs.streaming import frames
from poslogs.streaming.batch import CHUNK_BYTES, MAX_MADE, Batch, batches
from poslogs.streaming.contents import Entries, Failure
from poslogs.streaming.publication import Publication
from poslogs.streaming.selection import Selection
from poslogs.streaming.window import FRESH_BATCHES, Window
from tests.support.tries import tries
from tests.unit.doubles import LIVE, PLAIN, entry

ERRORS = Selection("error", late=False)
LIVE_ERRORS = Selection("error", late=True)
SELECTIONS = (PLAIN, LIVE, ERRORS, LIVE_ERRORS)


def kind(number: int) -> str:
    """Every third row is an error."""
    return "error" if number % 3 == 0 else "info"


@cache
def one(number: int, size: int) -> Entry:
    return entry(number, error_type=kind(number), message="m" * size)


def made(ids: Sequence[int], size: int = 10) -> list[Entry]:
    return [one(number, size) for number in ids]


def page(window: Window, ids: Sequence[int], *, late: Sequence[int] = (), size: int = 10) -> list[Batch]:
    """The batches of one poll as a feed makes them: late rows first, then new ones."""
    found = list(batches(made(late, size), window.number + 1, window.high, late=True))
    return found + list(batches(made(ids, size), window.number + 1 + len(found), window.high))


def admit(window: Window, ids: Sequence[int], *, late: Sequence[int] = (), size: int = 10) -> None:
    """Admit what a poll brought, if it brought anything."""
    if found := page(window, ids, late=late, size=size):
        window.admit(found)


def ids_of(stream: bytes) -> list[int]:
    """The entries' own ids, without parsing what may be long."""
    return [int(number) for number in re.findall(rb'"text":"\{\\"id\\":\\"(\d+)', stream)]


def follow(window: Window, position: int, selection: Selection) -> list[int]:
    """All that a reader at a position gets out of the window, as a stream takes it."""
    number, inside = window.find(position)
    chunk = inside.after(position, selection) if inside else None
    found = ids_of(chunk.plain) if chunk else []
    while batch := window.after(number):
        number = batch.number
        chunk = batch.after(position, selection) if batch.low < position else batch.chunk(selection)
        found += ids_of(chunk.plain) if chunk else []
        position = max(position, batch.high)
    return found


def wanted(selection: Selection, ids: Sequence[int]) -> list[int]:
    return [number for number in ids if selection.filter in (None, kind(number))]


# In full


def test_a_batch_is_its_entries_as_frames() -> None:
    """The test compares two rows, byte by byte."""
    (batch,) = batches([entry(7, message="a"), entry(9, message="b")], 1, 5)
    inner = (
        b'{"type":"text","text":"{\\"id\\":\\"%d\\",\\"timestamp\\":\\"2024-01-15T10:00:00.000Z\\",\\"type\\":\\"info\\",'
        b'\\"message\\":\\"%s\\",\\"data\\":{},\\"env\\":\\"staging\\",\\"error_type\\":\\"info\\"}"}'
    )
    seven = b"id: 7\nevent: data\ndata: " + inner % (7, b"a") + b"\n\n"
    nine = b"id: 9\nevent: data\ndata: " + inner % (9, b"b") + b"\n\n"
    chunk = batch.chunk(PLAIN)
    assert chunk is not None
    assert chunk.plain == seven + nine
    assert (batch.number, batch.low, batch.high) == (1, 5, 9)
    past = batch.after(7, PLAIN)
    assert past is not None
    assert past.plain == nine


def test_late_entries_stand_at_the_position_they_do_not_move() -> None:
    """The frame's id is the position to continue from; the entry's own id is lower."""
    (batch,) = batches([entry(15)], 3, 20, late=True)
    assert (batch.low, batch.high) == (20, 20)
    chunk = batch.chunk(LIVE)
    assert chunk is not None
    assert chunk.plain.startswith(b'id: 20\nevent: data\ndata: {"type":"text","text":"{\\"id\\":\\"15\\"')
    assert batch.chunk(PLAIN) is None


def test_readers_with_one_selection_share_the_same_bytes() -> None:
    """What is made for a filter is made once; late or not makes no difference to a batch without late rows."""
    (batch,) = batches(made(range(1, 7)), 1, 0)
    assert batch.chunk(ERRORS) is batch.chunk(ERRORS)
    assert batch.chunk(PLAIN) is batch.chunk(LIVE)


def test_what_nobody_wants_is_no_chunk() -> None:
    """For a batch of infos a reader of errors gets nothing, not even an empty piece."""
    (batch,) = batches(made([1, 2]), 1, 0)
    assert batch.chunk(ERRORS) is None
    assert batch.after(2, PLAIN) is None


def test_a_notice_is_for_everyone_behind_the_entries() -> None:
    """It is an error frame, which filters do not affect."""
    notice = frames.error("Something.")
    batch = Batch(1, 9, 9, (), notice=notice)
    for selection in SELECTIONS:
        chunk = batch.chunk(selection)
        assert chunk is not None
        assert chunk.plain == notice.plain
    with_entries = Batch(1, 0, 9, made([9]), notice=notice).chunk(PLAIN)
    assert with_entries is not None
    assert with_entries.plain.endswith(notice.plain)
    entries, failure = with_entries.contents
    assert isinstance(entries, Entries)
    assert [position for position, _ in entries] == [9]
    assert failure == Failure("Something.")


@pytest.mark.parametrize(
    ("filter_", "error_type", "wants"),
    [
        (None, "anything", True),
        ("error", "LiquidError", True),  # by type
        ("liquiderror", "LiquidError", True),
        ("liquid", "LiquidError", False),  # the whole, not a part
        ("strasse", "STRASSE", True),
        ("strasse", "Straße", True),
        ("info", "payment-callback", True),
        ("payment-callback", "Payment-Callback", True),
    ],
)
def test_a_filter_matches_the_whole_of_type_or_error_type(filter_: str | None, error_type: str, wants: bool) -> None:
    """Case does not count, by the rules of Unicode. The filter itself is folded before."""
    made_ = entry(1, error_type=error_type)
    assert Selection(filter_, late=False).wants(made_.type, made_.error_type) is wants


def test_a_large_page_comes_in_batches_of_bounded_size() -> None:
    """Of forty rows of 10 kB no batch is larger than its bound and one entry, and numbers rise by one."""
    found = list(batches(made(range(1, 41), size=10_000), 5, 0))
    assert [batch.number for batch in found] == list(range(5, 5 + len(found)))
    assert all(len(batch.data) < CHUNK_BYTES + 11_000 for batch in found)
    assert len(found) > 4
    assert [batch.low for batch in found] == [0, *[batch.high for batch in found[:-1]]]


def test_the_newest_page_stays_whole_however_large() -> None:
    """A page of 400 kB in a window of 1 kB is all there until the next page comes."""
    window = Window(1000, 0, 0)
    admit(window, range(1, 41), size=10_000)
    assert follow(window, 0, PLAIN) == list(range(1, 41))
    admit(window, [41])
    with pytest.raises(LookupError):
        window.find(39)
    assert follow(window, 40, PLAIN) == [41]


def test_a_window_holds_about_its_bytes() -> None:
    """After ten thousand rows through a window of 50 kB it is bounded, and reaches back to its floor."""
    window = Window(50_000, 0, 0)
    for start in range(1, 10_000, 10):
        admit(window, range(start, start + 10))
        assert sum(len(batch.data) for batch in window._batches) <= 50_000
    assert 9_700 < window.floor < 9_950
    assert follow(window, window.floor, PLAIN) == list(range(window.floor + 1, 10_001))


def test_old_batches_keep_nothing_that_was_made_for_a_selection() -> None:
    """Only FRESH_BATCHES batches keep memory for filters. The bytes are made again when asked for."""
    window = Window(1 << 20, 0, 0)
    for number in range(1, 20):
        admit(window, [number * 3])
        for batch in window._batches:
            if batch.number == window.number:
                assert batch.chunk(ERRORS) is not None
    assert sum(bool(batch._made) for batch in window._batches) <= FRESH_BATCHES
    assert follow(window, 0, ERRORS) == [number * 3 for number in range(1, 20)]


def test_a_number_that_is_ahead_has_nothing_behind_it() -> None:
    """That holds for the newest batch's own number, and any later one."""
    window = Window(1000, 0, 0)
    admit(window, [1])
    assert window.after(window.number) is None
    assert window.after(window.number + 5) is None


def test_a_position_past_the_end_waits_there() -> None:
    """A reader from the future has had everything."""
    window = Window(1000, 0, 0)
    admit(window, [1, 2])
    assert window.find(2**63 - 1) == (window.number, None)
    assert follow(window, 2**63 - 1, PLAIN) == []


def test_a_tail_is_not_known_when_the_window_may_not_hold_it() -> None:
    """A window that began at 5 and holds two entries does not know where the newest three begin; one from 0 does."""
    window = Window(1000, 5, 0)
    admit(window, [6, 7])
    assert window.tail(3, PLAIN) is None
    assert window.tail(2, PLAIN) == 5
    assert window.tail(0, PLAIN) == 7
    from_zero = Window(1000, 0, 0)
    admit(from_zero, [6, 7])
    assert from_zero.tail(3, PLAIN) == 0


# Against a model


@dataclass
class Page:
    """One poll: rows that are new and rows that came late."""

    new: list[int]
    late: list[int]
    size: int  # bytes of each message


@dataclass
class Model:
    """Everything that was ever admitted, in the order in which readers of each kind get it."""

    order: list[tuple[int, int, bool]] = field(default_factory=list)  # id, position afterwards, late
    high: int = 0

    def admit(self, poll: Page) -> None:
        self.order += [(number, self.high, True) for number in poll.late]
        for number in poll.new:
            self.order.append((number, number, False))
            self.high = number

    def past(self, position: int, selection: Selection) -> list[int]:
        """What a reader at that position still gets; late rows at just its position count as delivered with it."""
        left = [number for number, at, late in self.order if at > position and (selection.late or not late)]
        return wanted(selection, left)


@st.composite
def polls(draw: st.DrawFn) -> list[Page]:
    found: list[Page] = []
    high = 0
    seen: set[int] = set()
    for _ in range(draw(st.integers(1, 6))):
        new = []
        late = sorted(draw(st.sets(st.integers(1, max(1, high)), max_size=3)) - seen) if high else []
        for step in draw(st.lists(st.integers(1, 4), max_size=6)):
            high += step
            new.append(high)
        seen |= {*new, *late}
        found.append(Page(new, late, draw(st.sampled_from([1, 40, 3000, 66_000]))))
    return found


@tries(200)
@given(polls(), st.sampled_from([1, 600, 2000, 100_000, 1 << 20]), st.sampled_from(SELECTIONS))
@example([Page([1, 2, 3], [], 1), Page([5], [2], 1), Page([], [1], 1)], 1 << 20, LIVE)
def test_every_position_in_the_window_continues_where_a_model_does(
    pages: list[Page], size: int, selection: Selection
) -> None:
    """After random pages, late rows and evictions each position from the floor on gets the rest; others LookupError."""
    window, model = Window(size, 0, 0), Model()
    for poll in pages:
        admit(window, poll.new, late=poll.late, size=poll.size)
        model.admit(poll)
        assert window.high == model.high
        for position in range(model.high + 3):
            if position < window.floor:
                with pytest.raises(LookupError):
                    window.find(position)
            else:
                assert follow(window, position, selection) == model.past(position, selection)


@tries(200)
@given(polls(), st.sampled_from([1, 600, 2000, 100_000, 1 << 20]), st.sampled_from(SELECTIONS), st.data())
def test_a_reader_that_follows_gets_each_batch_once_or_is_left_behind(
    pages: list[Page], size: int, selection: Selection, data: st.DataObject
) -> None:
    """It takes after some pages and sleeps through others. What it has is a beginning of what the model gives."""
    window, model = Window(size, 0, 0), Model()
    number, found = window.find(0)[0], []
    for poll in pages:
        admit(window, poll.new, late=poll.late, size=poll.size)
        model.admit(poll)
        if data.draw(st.booleans()):
            continue
        try:
            while batch := window.after(number):
                assert batch.number == number + 1
                number = batch.number
                if chunk := batch.chunk(selection):
                    found += ids_of(chunk.plain)
        except LookupError:
            assert number + 1 < window._batches[0].number
            return
        assert found == wanted(selection, [number for number, _, late in model.order if selection.late or not late])


@tries(200)
@given(polls(), st.sampled_from([1, 600, 2000, 100_000, 1 << 20]), st.sampled_from(SELECTIONS), st.integers(0, 12))
def test_a_tail_begins_where_a_model_s_does(pages: list[Page], size: int, selection: Selection, count: int) -> None:
    """That is right before the oldest of the last N wanted; there is no answer if late rows lie after it."""
    window, model = Window(size, 0, 0), Model()
    for poll in pages:
        admit(window, poll.new, late=poll.late, size=poll.size)
        model.admit(poll)
        position = window.tail(count, selection)
        whole = wanted(selection, [number for number, _, late in model.order if not late])
        if position is None:
            assert window.floor > 0 or any(late for _, _, late in model.order)
        else:
            assert not any(late and number > position for number, _, late in model.order if number > window.floor)
            assert [number for number in whole if number > position] == (whole[-count:] if count else [])


def test_a_batch_keeps_what_was_made_for_a_bounded_number_of_filters() -> None:
    """Filters are free text, and anybody may think of new ones."""
    (batch,) = batches([one(number, 10) for number in range(1, 5)], 1, 0)
    for number in range(10 * MAX_MADE):
        assert batch.chunk(Selection(f"filter-{number}", late=False)) is None
    assert len(batch._made) <= MAX_MADE


def test_older_batches_of_a_large_page_are_forgotten_too() -> None:
    """What was made for them is made again when it is asked for."""
    window = Window(1 << 24, 0, 0)
    window.admit(batches([one(number, CHUNK_BYTES) for number in range(1, 20)], 1, 0))
    for batch in window._batches:
        batch.chunk(ERRORS)
    window.admit(batches([one(20, 10)], window.number + 1, window.high))
    assert sum(bool(batch._made) for batch in window._batches) <= FRESH_BATCHES


def test_what_a_batch_takes_beside_its_bytes_counts() -> None:
    """For ten thousand of the smallest entries, each with its own type, Python's memory is near the bound."""
    tracemalloc.start()
    try:
        window = Window(200_000, 0, 0)
        for start in range(1, 10_000, 50):
            rows = [
                entry(number, message="", error_type=f"{number} " + "é" * 300) for number in range(start, start + 50)
            ]
            window.admit(list(batches(rows, window.number + 1, window.high)))
        del rows
        held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/poslogs/*")])
        assert sum(trace.size for trace in held.traces) < 2 * 200_000
    finally:
        tracemalloc.stop()


def test_a_type_of_any_length_is_kept_as_far_as_filters_go() -> None:
    """The entry has the whole of it; what a filter looks at is bounded."""
    made_ = entry(1, error_type="x" * 100_000)
    assert len(made_.error_type) == 1000
    assert b"x" * 100_000 in made_.json


def test_who_bounds_messages_shares_what_others_have_where_nothing_is_longer() -> None:
    """If something is longer, one copy is kept, however many bounds are asked for."""
    (short,) = batches([entry(1), entry(2, error_type="error")], 1, 0)
    (long,) = batches([entry(1, message="x" * 5000), entry(2)], 1, 0)
    for selection in (Selection(None, late=False), Selection("error", late=False)):
        assert short.chunk(selection._replace(max_message=1024)) is short.chunk(selection)
        assert Publication([short]).made == {}
    publication = Publication([short])
    assert publication.chunk(Selection(None, False, 1024)) is publication.chunk(Selection(None, True, 2048))
    assert len(publication.made) == 1
    cut = long.chunk(Selection(None, False, 1024))
    assert cut is not None
    assert cut is long.chunk(Selection(None, True, 1024))
    assert len(cut.plain) < 2000 < 5000 < len(long.data)
    for most in (256, 512, 2048, 4096):
        long.chunk(Selection(None, False, most))
    assert long.chunk(Selection(None, False, 1024)) is not cut  # made anew: it was not kept beside the others
