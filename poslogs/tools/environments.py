"""Environments: what platformos.env.list does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from poslogs.access.clients import Client
from poslogs.streaming.backfill import Asker
from poslogs.tools.inputs import Input
from poslogs.tools.toolbox import Toolbox


def answer(toolbox: Toolbox, client: Client, _input: Input, _asker: Asker) -> Iterator[bytes]:
    """The list in one piece."""
    yield orjson.dumps(listed(toolbox, client))


def listed(toolbox: Toolbox, client: Client) -> dict[str, Any]:
    """The environments that a client may read, by name and address."""
    return {"envs": [{"name": env.name, "url": env.url} for env in toolbox.environments(client)]}
