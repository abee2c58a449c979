"""Stalls: a network, a server or a tab that stands still without a word."""

from __future__ import annotations

import os
import signal

import pytest

from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit, Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS

HEARTBEAT = {"POSLOGS_HEARTBEAT_SECONDS": "2"}
Command = tuple[str, dict[str, str]]
# How a tab comes to stand still, and goes on. A frozen one may still get its stream, as one in the debugger never does.
STANDSTILLS: dict[str, tuple[list[Command], list[Command]]] = {
    "frozen": (
        [("Page.setWebLifecycleState", {"state": "frozen"})],
        [("Page.setWebLifecycleState", {"state": "active"})],
    ),
    "busy": ([("Debugger.enable", {}), ("Debugger.pause", {})], [("Debugger.disable", {})]),
}


@in_firefox_too
def test_a_server_that_stands_still_is_told_after_two_missed_heartbeats(
    server: Start, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """Its connections stay open, and bring nothing. It goes on where it was, and nothing is lost."""
    complaints.expect(*AWAY)
    running = server(env=HEARTBEAT)
    screen = visit(running).connect()
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    worker = running.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    try:
        screen.wait_state("reconnecting: Nothing arrived for 4 s")
    finally:
        os.kill(worker, signal.SIGCONT)
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    screen.wait_state("live")


@pytest.mark.parametrize(("still", "moving"), STANDSTILLS.values(), ids=STANDSTILLS)
def test_a_tab_whose_leader_stands_still_follows_by_itself(
    server: Start, platformos: PlatformOS, window: Window, still: list[Command], moving: list[Command]
) -> None:
    """The tab that had the stream is frozen or busy. The other shows all that comes, and so does the first after it."""
    running = server(env=HEARTBEAT)
    context = window()
    first, second = [Screen(context, running).open().connect() for _ in range(2)]
    platformos.add_many(3)
    for each in (first, second):
        each.wait_ids(platformos.ids)
    browser = context.new_cdp_session(first.page)
    for command, parameters in still:
        browser.send(command, parameters)
    platformos.add_many(3)
    second.wait_ids(platformos.ids)
    second.wait_state("live")
    for command, parameters in moving:
        browser.send(command, parameters)
    platformos.add_many(3)
    for each in (first, second):
        each.wait_ids(platformos.ids)
        each.wait_state("live")
    second.page.close()
    platformos.add_many(3)
    first.wait_ids(platformos.ids)
