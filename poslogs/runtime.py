"""The runtime: work beside requests. It follows files, and ends streams when they must end."""

from __future__ import annotations

import logging
import time
from typing import Final

from poslogs.access.clients import Client, Clients
from poslogs.access.slots import Slots
from poslogs.concerns import concerns
from poslogs.platformos.environments import Environment, Environments
from poslogs.streaming import frames
from poslogs.streaming.driven import Driven
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.frames import DONE, Chunk
from poslogs.streaming.reason import Reason
from poslogs.supervisor import SUPERVISOR, Loop, Supervisor

log = logging.getLogger("poslogs.files")

LOOK_SECONDS: Final = 1.0  # how often files are checked for changes
AGAIN_SECONDS: Final = 5.0  # until the next check after an unexpected error


class Runtime:
    """Follows `.pos` and clients.json while streams are open, and stops all streams when the server stops."""

    def __init__(
        self,
        environments: Environments,
        clients: Clients,
        feeds: Feeds,
        slots: Slots[Driven],
        supervisor: Supervisor = SUPERVISOR,
    ) -> None:
        self._environments = environments
        self._clients = clients
        self._feeds = feeds
        self._slots = slots
        self._supervisor = supervisor
        self._warned: frozenset[str] = frozenset()
        self.draining = False

    def drain(self) -> None:
        """End every stream without `done` as the server stops, so that its reader resumes elsewhere."""
        self.draining = True
        for slot in self._slots.all():
            slot.holder.drain()

    def see_to(self, client: Client, stream: Driven) -> None:
        """Do with a stream that has its slot now what was done with all others while it waited for that."""
        if self.draining:
            stream.drain()
        self._look_at(client, stream)

    def refresh(self) -> None:
        """Read changed files again, and end the streams that are no longer allowed."""
        changed = self._environments.refresh()
        if changed:
            self._feeds.forget(self._environments.all())
        if self._clients.refresh() or changed:
            self._revoke()
            self.warn()

    def warn(self) -> None:
        """Log what an operator should know of clients.json, each sentence once while it is true."""
        found = concerns(self._clients, self._environments)
        for sentence in found:
            if sentence not in self._warned:
                log.warning("%s", sentence)
        self._warned = frozenset(found)

    def watch(self) -> None:
        """Follow files from now on, in this process. May be called again."""
        self._supervisor.ensure("files", self._run)

    def _run(self, loop: Loop) -> None:
        while True:
            loop.turn()
            time.sleep(LOOK_SECONDS)
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001 - any fault of a file; another process would read the same
                loop.failed(error)
                time.sleep(AGAIN_SECONDS)

    def _revoke(self) -> None:
        for slot in self._slots.all():
            self._look_at(slot.client, slot.holder)

    def _look_at(self, client: Client, stream: Driven) -> None:
        """End a stream, or its part of an environment, if it is no longer allowed, and offer it what is."""
        now = self._clients.still(client)
        if now is None:
            stream.end(frames.error("This token was revoked; use another."), DONE, reason=Reason.REVOKED)
            return
        stream.offer([each for each in self._environments.all().values() if now.may_read(each)])
        for environment in stream.environments:
            if (reason := self._refusal(now, environment)) is not None:
                stream.revoke(environment, reason)

    def _refusal(self, client: Client, environment: Environment) -> Chunk | None:
        """Why a client may not go on with an environment; None if it may."""
        name, unusable = environment.name, self._environments.unusable
        now = self._environments.all().get(name)
        if not client.may_read(environment):
            return frames.error(f"This token may no longer read environment {name}.")
        if now is None and name in unusable:
            return frames.error(f"Environment {name} is no longer served here: {unusable[name]}")
        if now is None or now.url != environment.url:
            return frames.error(f"Environment {name} is no longer served here.")
        return None
