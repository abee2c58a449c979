"""The toolbox: what tools work with, for one client at a time and within what it may read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from poslogs.access.clients import Client
from poslogs.errors import BadInput, Forbidden, TokenRefused, Unavailable, UnknownEnvironment, UnusableEnvironment
from poslogs.plain import plain
from poslogs.platformos.environments import Environment, Environments
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import calls, positions
from poslogs.streaming.backfill import Asker
from poslogs.streaming.backward import Ask
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.tools.inputs import quoted

RETRY_SECONDS: Final = 5
EVERY: Final = "*"  # as the name of an environment: all that the client may read
NUMBER_CHARS: Final = 22  # at most, of one environment in a position beside its name
MAX_ENVIRONMENTS: Final = 20  # that are read together


@dataclass(frozen=True)
class Chosen:
    """The environments that an input names."""

    environments: tuple[Environment, ...]
    joint: bool  # its positions name each of them
    every: bool = False  # all that the client may read, as they come and go

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [each.name for each in self.environments]

    @property
    def text(self) -> str:
        """Their names in one text, as an input takes them."""
        return ",".join(self.names)


class Toolbox:
    """The environments and their feeds; `heartbeat` is the longest silence of a stream, in seconds."""

    def __init__(self, environments: Environments, feeds: Feeds, *, heartbeat: float) -> None:
        self.heartbeat = heartbeat
        self._environments = environments
        self._feeds = feeds

    def environments(self, client: Client) -> list[Environment]:
        """What a client may read."""
        return [env for env in self._environments.all().values() if client.may_read(env)]

    def unusable(self, client: Client) -> dict[str, str]:
        """Environments of a client that are configured but cannot be read: a sentence on what is wrong, by name."""
        return {
            name: sentence
            for name, sentence in self._environments.unusable.items()
            if client.may_read(Environment(name, url=""))
        }

    def environment(self, client: Client, name: str) -> Environment:
        """One environment. Raises UnknownEnvironment, UnusableEnvironment, or Forbidden when it is not the client's."""
        environment = self._environments.get(name)
        if environment is None:
            if reason := self.unusable(client).get(name):
                raise UnusableEnvironment(f"In the server's .pos, {plain(reason)}")
            known = ", ".join(plain(env.name) for env in self.environments(client)) or "none"
            raise UnknownEnvironment(f"Unknown environment {quoted(name)}; known: {known}.")
        if not client.may_read(environment):
            raise Forbidden(f"This token may not read environment {name}.")
        return environment

    def chosen(self, client: Client, env: str | tuple[str, ...]) -> Chosen:
        """The environments that an input names: one, a list (as a tuple, or with commas), or `*` for all that it may.

        Raises as `environment` does, and BadInput when there are more than MAX_ENVIRONMENTS.
        """
        if env == EVERY:
            found = self.environments(client)
            if not found:
                raise UnknownEnvironment("This token may read no environment that is served here.")
        elif isinstance(env, str) and ("," not in env or self._environments.get(env) is not None):
            return Chosen((self.environment(client, env),), joint=False)
        else:
            names = [name.strip() for name in env.split(",")] if isinstance(env, str) else env
            found = [self.environment(client, name) for name in dict.fromkeys(names)]
        if len(found) > MAX_ENVIRONMENTS:
            raise BadInput(f"`env` means {len(found)} environments; at most {MAX_ENVIRONMENTS} are read together.")
        if sum(len(positions.spelt_name(each.name)) + NUMBER_CHARS for each in found) > positions.MAX_CHARS:
            raise BadInput("`env` means environments whose names are too long for one position; ask for fewer of them.")
        return Chosen(tuple(found), joint=True, every=env == EVERY)

    def feed(self, environment: Environment) -> Feed:
        """The one poller of an environment."""
        return self._feeds.of(environment)

    def misses_rows(self, environment: Environment) -> bool:
        """Whether rows of an environment may be missing from every answer, as where these come newest first."""
        return self.feed(environment).upstream.notices.newest_first is not None

    @contextmanager
    def asking(self, environment: Environment, asker: Asker) -> Iterator[Ask]:
        """A function that asks a call's questions to platformOS.

        Its body raises Unavailable when platformOS gives nothing, and TokenRefused when it never will.
        """
        try:
            with calls.asking(self.feed(environment).upstream, asker) as ask:
                yield ask
        except GatewayError as error:
            if error.refused:
                raise TokenRefused(error.sentence) from None
            wait = RETRY_SECONDS if error.retry_after is None else math.ceil(error.retry_after)
            raise Unavailable(error.sentence, retry_after=wait) from None
