"""Numbers as JSON.stringify writes them, which is how people see them in a browser."""

from __future__ import annotations

from typing import Final

EXACT: Final = 2**53  # up to here JavaScript has every whole number
PLAIN_DIGITS: Final = 21  # a number of more digits is written with an exponent
PLAIN_ZEROS: Final = 6  # after the point, before the first digit


def written(number: float) -> str:
    """A number as JSON.stringify writes it; one that JSON has none for is `null`."""
    if isinstance(number, int):
        if abs(number) <= EXACT:
            return str(number)
        try:
            number = float(number)
        except OverflowError:
            return "null"
    if number != number or number in (float("inf"), float("-inf")):
        return "null"
    sign = "-" if number < 0 else ""
    digits, point = _shortest(abs(number))
    return sign + _placed(digits, point)


def _shortest(number: float) -> tuple[str, int]:
    """The fewest digits that mean the number, and how many of them stand before the point."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, rest = mantissa.partition(".")
    digits, point = whole + rest, len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return (stripped.rstrip("0") or "0"), (point if stripped.strip("0") else 1)


def _placed(digits: str, point: int) -> str:
    """Digits with their point, as ECMAScript's Number::toString places it."""
    count = len(digits)
    if count <= point <= PLAIN_DIGITS:
        return digits + "0" * (point - count)
    if 0 < point <= PLAIN_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if -PLAIN_ZEROS < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"
