"""Promise 8: each process follows its own files; a client that is gone everywhere gives its places back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, flowing
from tests.fleet.fleet import LOST_POLL_S, Fleet
from tests.fleet.storm import at_once
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.wire.exchange import OPERATOR, PLENTY, STREAM, asking, clients, request, wait_for

Starts = Callable[..., Fleet]
GUEST = "guest-token-11ab"
PLACES = 10
ASKED = {"env": "staging", "interval": 250, "lastId": "0"}

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def readers(fleet: Fleet, stack: ExitStack, token: str) -> list[Reader]:
    """One at each server, which has read what is there."""
    found = [stack.enter_context(server.stream(STREAM, ASKED, token=token)) for server in fleet.servers]
    for reader in found:
        reader.wait_entries(len(fleet.platformos.ids))
    return found


def test_a_revoked_token_ends_streams_where_it_is_revoked(fleet: Starts, platformos: PlatformOS, kind: str) -> None:
    """The client's streams at that process end and its places are free; those of the others go on."""
    platformos.add_many(3)
    guest = {"token": GUEST, "limits": {**PLENTY, "streams": PLACES}}
    started = fleet(kind, clients=clients(guest=guest))
    with ExitStack() as stack:
        first, *others = readers(started, stack, GUEST)
        started.servers[0].write_clients(clients())
        first.wait_end()
        assert first.done
        platformos.add_many(1)
        for reader in others:
            reader.wait_entries(4)
            assert not reader.ended
        assert started.servers[0].get("/tools", GUEST).status_code == 401
        body = request("/call-stream", asking(interval=500), token=GUEST)
        room = PLACES - len(others)

        def has_room() -> bool:
            with ExitStack() as inner:
                told = Counter(one.status for one in at_once(inner, started.servers[1:], PLACES, body))
            return told[200] == room

        wait_for(has_room, 10)


def test_places_of_a_client_that_is_gone_everywhere_are_free(fleet: Starts, platformos: PlatformOS, kind: str) -> None:
    """Its streams end at all processes; as it comes back under the same name it has all its places."""
    guest = {"token": GUEST, "limits": {**PLENTY, "streams": PLACES}}
    started = fleet(kind, clients=clients(guest=guest))
    body = request("/call-stream", asking(interval=500), token=GUEST)
    with ExitStack() as stack:
        assert Counter(one.status for one in at_once(stack, started.servers, PLACES, body)) == {200: PLACES}
        for server in started.servers:
            server.write_clients(clients())
        wait_for(lambda: all(server.streams_open(OPERATOR) == 0 for server in started.servers), 15)
        for server in started.servers:
            server.write_clients(clients(guest=guest))
        wait_for(lambda: all(server.get("/tools", GUEST).status_code == 200 for server in started.servers), 15)
        with ExitStack() as inner:
            told = Counter(one.status for one in at_once(inner, started.servers, 3 * PLACES, body))
        assert told == {200: PLACES, 429: 2 * PLACES}


def test_a_token_of_platformos_that_one_machine_has_renewed_goes_on_there(
    fleet: Starts, platformos: PlatformOS, kind: str
) -> None:
    """That process polls. Of the others each ends its readers as platformOS refuses it, and serves them until then."""
    platformos.add_many(3)
    started = fleet(kind, clients=clients(guest={"token": GUEST, "limits": PLENTY}))
    with ExitStack() as stack:
        here = readers(started, stack, GUEST)
        poller = started.server_of(started.poller())
        renewed = next(server for server in started.servers if server is not poller)
        platformos.former, platformos.token = platformos.token, "pos-token-renewed"
        renewed.write_pos({"staging": platformos})
        renewed.wait_output(f"{renewed.pos_file.name} was read again")  # until then it would be refused too
        platformos.former = None
        kept = here[started.servers.index(renewed)]
        with flowing(platformos, 0.1):
            platformos.wait_until(
                lambda: any(
                    one.headers.get("Authorization") == f"Token {platformos.token}" for one in platformos.requests[-5:]
                ),
                bound(LOST_POLL_S) + 5,
            )
            kept.wait_entries(len(platformos.ids) + 5, 20)
            high = len(platformos.ids)
            for reader in here:
                reader.wait_until(lambda reader=reader, high=high: len(reader.entries) >= high, 20)  # type: ignore[misc]
        assert not kept.ended, kept.dump()
        for reader in here:  # a process that was not refused itself is served by the one that polls
            assert reader.done or not reader.ended, reader.dump()
            assert reader.entry_ids == platformos.ids[: len(reader.entries)]
        for server in started.servers:
            server.write_pos({"staging": platformos})
        again = readers(started, stack, GUEST)
        platformos.add_many(1)
        for reader in (*again, kept):
            reader.wait_entries(len(platformos.ids), 20)
            assert reader.entry_ids == platformos.ids
