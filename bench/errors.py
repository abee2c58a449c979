"""What may go wrong with a run."""

from __future__ import annotations


class RunFailed(Exception):
    """A run gave no figures; the message says why, in one sentence."""
