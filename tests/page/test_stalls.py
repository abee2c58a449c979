"""Stalls: a network, a server or a tab that stands still without a word."""

from __future__ import annotations

import os
import signal

from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit, Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS

HEARTBEAT = {"POSLOGS_HEARTBEAT_SECONDS": "2"}


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


def test_a_tab_whose_leader_is_frozen_follows_by_itself(server: Start, platformos: PlatformOS, window: Window) -> None:
    """The browser froze the tab that had the stream. The other shows all that comes, and so does the first, thawed."""
    running = server(env=HEARTBEAT)
    context = window()
    first, second = [Screen(context, running).open().connect() for _ in range(2)]
    platformos.add_many(3)
    for each in (first, second):
        each.wait_ids(platformos.ids)
    browser = context.new_cdp_session(first.page)
    browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    platformos.add_many(3)
    second.wait_ids(platformos.ids)
    second.wait_state("live")
    browser.send("Page.setWebLifecycleState", {"state": "active"})
    platformos.add_many(3)
    for each in (first, second):
        each.wait_ids(platformos.ids)
        each.wait_state("live")
    second.page.close()
    platformos.add_many(3)
    first.wait_ids(platformos.ids)
