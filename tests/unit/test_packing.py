"""What packing promises: an outcome comes back as it was, whatever its rows hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.entries import MAX_ID, Entry, Page
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.outcome import Answered, WasReset
from poslogs.streaming.packing import PACKED_BYTES, Failed, Packed, pack, unpack
from tests.support.tries import tries

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
IDS = st.integers(1, MAX_ID)
ENTRIES = st.lists(
    st.builds(
        lambda id_, error_type, message: Entry.from_row(
            {"id": id_, "error_type": error_type, "message": message, "created_at": "2026-01-02T03:04:05.000Z"}, "env"
        ),
        IDS,
        TEXTS,
        TEXTS,
    ),
    max_size=20,
)
PAGES = st.builds(
    Page, ENTRIES, st.lists(TEXTS, max_size=3), IDS, IDS, st.booleans(), st.booleans(), IDS, st.booleans()
)
OUTCOMES = st.one_of(
    st.builds(Answered, PAGES, IDS, st.booleans(), st.booleans(), st.booleans(), st.none() | IDS),
    st.builds(WasReset, st.builds(IdReset, IDS, ENTRIES, ENTRIES)),
    st.builds(Failed, TEXTS, st.floats(0, 1e6)),
)


@tries(200)
@given(OUTCOMES, IDS, st.booleans())
def test_an_outcome_comes_back_as_it_was(outcome: Answered | WasReset | Failed, low: int, syncs: bool) -> None:
    """So do ids of 19 digits, and texts with line breaks and any characters."""
    packed = Packed(outcome, low, syncs)
    assert unpack(pack(packed)) == packed


def test_entries_of_one_kind_share_it_and_much_of_the_same_takes_little() -> None:
    """An answer of a thousand like rows is a tenth of its size."""
    rows = [{"id": number, "error_type": "error", "message": "the same thing again" * 5} for number in range(1, 1001)]
    entries = [Entry.from_row(row, "env") for row in rows]
    data = pack(Packed(Answered(Page(entries, [], 1000, whole=True), 0), 0, syncs=False))
    assert PACKED_BYTES < len(data) < sum(len(entry.json) for entry in entries) / 10
    outcome = unpack(data).outcome
    assert isinstance(outcome, Answered)
    assert len({id(entry.kind) for entry in outcome.page.entries}) == 1
