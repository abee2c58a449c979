"""A stand-in of platformOS for all examples of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.platformos import PlatformOS

SECRET = "pos-token"


@pytest.fixture(scope="module")
def platformos() -> Iterator[PlatformOS]:
    """One stand-in, whose rows stay from example to example."""
    with PlatformOS(token=SECRET) as stand_in:
        yield stand_in
