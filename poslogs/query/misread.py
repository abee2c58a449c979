"""The fault of a regular expression that is not read."""

from __future__ import annotations


class Misread(Exception):
    """An expression is not read; the message ends a sentence that begins with "the regular expression"."""
