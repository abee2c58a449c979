"""UTF-8: bytes into text, and what is wrong with bytes in another encoding."""

from __future__ import annotations

import codecs
from typing import Final

# UTF-32 first, as its mark begins with UTF-16's.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
# Which of the first four bytes are zero in text that begins with two ASCII characters, as every JSON object does.
_ZEROS: Final[dict[tuple[bool, ...], str]] = {
    (False, True, True, True): "UTF-32",
    (True, True, True, False): "UTF-32",
    (False, True, False, True): "UTF-16",
    (True, False, True, False): "UTF-16",
}


class NotUtf8(ValueError):
    """The bytes are in another encoding; the message ends a sentence that begins with "it", such as "is UTF-16"."""


def text_of(data: bytes) -> str:
    """The text, without a byte order mark. Raises NotUtf8, which names the encoding or the first byte that is wrong."""
    if wide := _wide(data):
        raise NotUtf8(f"is {wide}")
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise NotUtf8(
            f"is not UTF-8, but perhaps Windows-1252, at line {line}, column {column} "
            f"(byte 0x{error.object[error.start]:02x})"
        ) from None


def _wide(data: bytes) -> str:
    """UTF-16 or UTF-32, if the bytes begin so."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    return marked or _ZEROS.get(tuple(not byte for byte in data[:4]), "")
