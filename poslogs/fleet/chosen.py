"""The engine that the settings choose. It loads no part of a server: commands ask only whether one can start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poslogs.errors import ConfigError
from poslogs.settings import Settings

if TYPE_CHECKING:
    from poslogs.fleet.engine import Engine


def engine_of(settings: Settings) -> Engine | None:
    """The engine by the settings; None where each process is alone, for which redis need not be installed.

    Raises ConfigError for an address that cannot be understood. Redis itself is asked later, and may be away.
    """
    if not settings.redis_url:
        return None
    try:
        from poslogs.fleet.address import Address
        from poslogs.fleet.engine import Engine
    except ModuleNotFoundError:
        raise ConfigError(
            "POSLOGS_REDIS_URL needs the package redis, which is not installed; run `pip install redis`, "
            "or unset the variable."
        ) from None
    return Engine(Address(settings.redis_url), settings.redis_prefix)
