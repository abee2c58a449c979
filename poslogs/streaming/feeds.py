"""The feeds of this process, one for each environment that was asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from poslogs.per_process import PerProcess
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import Gateway
from poslogs.streaming.answer import Answers
from poslogs.streaming.feed import Feed
from poslogs.streaming.gateways import Fresh, unknown
from poslogs.streaming.sharing import Share, nobody
from poslogs.streaming.upstream import ANSWER_BYTES, OWN_QUESTIONS, Upstream
from poslogs.supervisor import STALL_SECONDS, SUPERVISOR, Supervisor


class Feeds:
    """Feeds by environment, made when first asked for. Each process has its own, since a fork leaves their pollers to
    the parent (docs/decisions/0014-supervision.md).
    """

    def __init__(
        self,
        open_gateway: Callable[[Environment], Gateway],
        *,
        window_bytes: int,
        lookback: float,
        answer_bytes: int = ANSWER_BYTES,
        questions: int = OWN_QUESTIONS,
        patience: float = STALL_SECONDS,
        supervisor: Supervisor = SUPERVISOR,
        share: Callable[[Environment], Share] = nobody,
    ) -> None:
        """`share` gives what the pollers of an environment share with other processes."""
        self._share = share
        self._fresh: Fresh = unknown
        self._open_gateway = open_gateway
        self._window_bytes = window_bytes
        self._lookback = lookback
        self._answers = Answers(answer_bytes)
        self._questions = questions
        self._patience = patience
        self._supervisor = supervisor
        self._known = PerProcess(_Known)

    def renew_by(self, fresh: Fresh) -> None:
        """Have `fresh` asked for an environment when platformOS refuses its credentials. Before a feed is asked for."""
        self._fresh = fresh

    def of(self, environment: Environment) -> Feed:
        """The feed of an environment; another address under the same name is another feed.

        It asks with the credentials that were read last: a caller may have those from before.
        """
        key = (environment.name, environment.url)
        known = self._known()
        with known.lock:
            served = known.served.get(environment.name)
            if served is not None and served.url == environment.url:
                environment = served
            feed = known.feeds.get(key)
            if feed is None:
                upstream = Upstream(
                    environment,
                    self._open_gateway,
                    answers=self._answers,
                    most=self._questions,
                    fresh=self._fresh,
                    patience=self._patience,
                    supervisor=self._supervisor,
                )
                feed = known.feeds[key] = Feed(
                    upstream,
                    window_bytes=self._window_bytes,
                    lookback=self._lookback,
                    share=self._share(environment),
                )
        return feed

    def forget(self, environments: Mapping[str, Environment]) -> None:
        """Renew the credentials of feeds, and drop those whose environment is no longer served."""
        kept: list[tuple[Feed, Environment]] = []
        known = self._known()
        with known.lock:
            known.served = environments
            for key, feed in list(known.feeds.items()):
                now = environments.get(key[0])
                if now is None or now.url != key[1]:
                    del known.feeds[key]
                else:
                    kept.append((feed, now))
        for feed, now in kept:
            feed.upstream.renew(now)

    def all(self) -> list[Feed]:
        """All feeds of this process."""
        known = self._known()
        with known.lock:
            return list(known.feeds.values())


class _Known:
    """The feeds of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.feeds: dict[tuple[str, str], Feed] = {}
        self.served: Mapping[str, Environment] = {}  # as they were read last; none before they have changed
