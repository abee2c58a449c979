"""Environments: what platformos.env.list does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from poslogs.access.clients import Client
from poslogs.streaming.backfill import Asker
from poslogs.tools.inputs import Input
from poslogs.tools.toolbox import EVERY, MAX_ENVIRONMENTS, Toolbox


def answer(toolbox: Toolbox, client: Client, _input: Input, _asker: Asker) -> Iterator[bytes]:
    """The list in one piece."""
    yield orjson.dumps(listed(toolbox, client))


def listed(toolbox: Toolbox, client: Client) -> dict[str, Any]:
    """The environments that a client may read, by name and address, and what `env` takes for all of them together.

    Without `together` there are fewer than two, or more than one stream or call reads.
    """
    found = toolbox.environments(client)
    listed = [{"name": env.name, "url": env.url} for env in found]
    return {"envs": listed, "together": EVERY} if 1 < len(found) <= MAX_ENVIRONMENTS else {"envs": listed}
