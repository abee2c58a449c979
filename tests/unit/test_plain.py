"""What plain text promises: nothing in it acts on a terminal, and the rest is as it was."""

from __future__ import annotations

import pytest

from poslogs.plain import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("staging ключ 🎉", "staging ключ 🎉"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\u202egnigats\u2028\x9b", r"\u202egnigats\u2028\x9b"),
    ],
)
def test_what_does_not_print_is_spelt_out(text: str, shown: str) -> None:
    """These are escapes, line breaks and marks that reverse text."""
    assert plain(text) == shown
