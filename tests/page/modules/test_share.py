"""share.js: all tabs of a browser have one stream, and each gets its share of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Error, Request

from tests.faults.following import flowing
from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import in_firefox_too
from tests.page.modules.conftest import OpenTab
from tests.page.modules.tab import Tab
from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, TOKEN, Server
from tests.wire.exchange import wait_for

Start = Callable[..., Server]

TABS = 8
OTHER = "another-token"
ALONE = "Object.defineProperty(navigator, 'locks', { value: undefined });"
LISTEN = """
window.said = [];
const post = BroadcastChannel.prototype.postMessage;
BroadcastChannel.prototype.postMessage = function (message) {
  said.push(JSON.stringify([this.name, message]));
  return post.call(this, message);
};
"""

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Call:
    """A request of a tab to the server."""

    path: str
    filter: str | None
    resumes: bool


def calls(tab: Tab) -> list[Call]:
    """Gather the calls of a tab from now on."""
    asked: list[Call] = []

    def note(request: Request) -> None:
        path = request.url.rpartition("/")[2]
        if path in ("call", "call-stream"):
            body = json.loads(request.post_data or "")
            asked.append(Call(path, body["input"].get("filter"), "last-event-id" in request.headers))

    tab.page.on("request", note)
    return asked


def joined(tabs: Sequence[Tab]) -> None:
    """Wait until all know of each other."""
    for tab in tabs:
        tab.wait(f"last('shared') === {len(tabs)} && last('state') === 'live'")


def whole(tab: Tab, ids: Sequence[str]) -> None:
    """Assert that a tab got exactly these ids: live entries once and in order, earlier ones in any way."""
    tab.wait(f"{json.dumps(list(ids))}.every((id) => ids.includes(id) || past.has(id))")
    live, past = tab.ids, tab.past
    assert live == sorted(set(live), key=int)
    assert sorted({*live, *past}, key=int) == list(ids)


def test_eight_tabs_have_one_stream(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """Each of them gets every entry once and in order, and the server counts one stream."""
    running = server()
    platformos.add_many(10)
    tabs = [tab(running).share() for _ in range(TABS)]
    joined(tabs)
    with flowing(platformos, every=0.1):
        tabs[0].wait("ids.length > 30")
    for each in tabs:
        whole(each, platformos.ids)
    assert running.streams_open() == 1


def test_one_that_joins_gets_what_the_leader_holds(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """It gets more than one message holds from the other tab: neither the server nor platformOS is asked."""
    running = server()
    platformos.add_many(1234)
    first = tab(running).share(tail=2000)
    first.wait("ids.length === 1234")
    second = tab(running)
    asked = calls(second)
    second.share(tail=2000)
    second.wait("past.size === 1234")
    joined([first, second])
    assert second.past == set(platformos.ids)
    assert second.ids == []
    assert asked == []


def test_when_the_leader_goes_the_next_one_leads(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """It is closed, navigated away, or done with the log, while rows flow. Nobody loses an entry or gets one twice."""
    running = server()
    tabs = [tab(running).share() for _ in range(5)]
    joined(tabs)
    asked = [calls(each) for each in tabs]

    def leave(each: Tab, how: int) -> None:
        if how == 0:
            each.page.close()
        elif how == 1:
            each.page.goto("about:blank")
        else:
            each.run("() => shared.close()")

    with flowing(platformos, every=0.05):
        for how in range(3):
            tabs[0].wait(f"ids.length > {40 * (how + 1)}")
            leave(tabs.pop(0), how)
            joined(tabs)
            count = len(platformos.ids)
            for each in tabs:
                each.wait(f"ids.length > {count}")
    for each in tabs:
        whole(each, platformos.ids)
    assert asked == [[], *[[Call("call-stream", None, True)]] * 3, []]
    assert running.streams_open() == 1


def test_a_leader_that_crashes_is_followed(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """Its process ends without a word."""
    running = server()
    tabs = [tab(running).share() for _ in range(3)]
    joined(tabs)
    with flowing(platformos, every=0.05):
        tabs[1].wait("ids.length > 30")
        first = tabs.pop(0).page
        with first.expect_event("crash"), contextlib.suppress(Error):
            first.goto("chrome://crash")
        tabs[0].wait(f"ids.length > {len(platformos.ids) + 50}")
    for each in tabs:
        whole(each, platformos.ids)


def test_a_tab_that_is_looked_at_has_the_leader_try_again(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """The leader's own tab is hidden: only the other knows that somebody looks. Nothing comes twice."""
    running = server()
    tabs = [tab(running).share() for _ in range(2)]
    joined(tabs)
    platformos.add_many(3)
    tabs[0].wait("ids.length === 3")
    asked = calls(tabs[0])
    with tabs[0].page.expect_request("**/call-stream"):  # not before something was heard a second ago
        tabs[1].run("() => { window.looks = setInterval(() => dispatchEvent(new Event('online')), 100); }")
    tabs[1].run("() => clearInterval(looks)")
    platformos.add_many(3)
    for each in tabs:
        whole(each, platformos.ids)
    assert asked[0] == Call("call-stream", None, True)


@in_firefox_too
def test_each_tab_has_its_own_filter(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """With two filters and one stream each tab gets its share, of earlier entries too."""
    running = server()
    for kind in ("error", "info", "LiquidError", "warn") * 5:
        platformos.add({"error_type": kind})
    errors, warnings = tab(running).share(filter="error"), tab(running).share(filter="WARN")
    joined([errors, warnings])
    warnings.wait("past.size === 5")
    for kind in ("warn", "error", "info", "LiquidError"):
        platformos.add({"error_type": kind})
    rows = platformos.rows.items()
    whole(errors, [str(id_) for id_, row in rows if row["error_type"] in ("error", "LiquidError")])
    whole(warnings, [str(id_) for id_, row in rows if row["error_type"] == "warn"])
    assert running.streams_open() == 1


@pytest.mark.parametrize("who", [0, 1])
def test_a_wider_filter_brings_the_past(server: Start, platformos: PlatformOS, tab: OpenTab, who: int) -> None:
    """A wider filter of the leader or of another tab brings all earlier entries, and all that come meanwhile."""
    running = server()
    tabs = [tab(running).share(filter="error"), tab(running).share(filter="error")]
    joined(tabs)
    for kind in ("error", "info") * 20:
        platformos.add({"error_type": kind})
    tabs[who].wait("ids.length === 20")
    with flowing(platformos, every=0.02):
        count = len(platformos.ids)
        tabs[who].run("() => shared.setFilter('')")
        tabs[who].wait(f"ids.length > 20 && past.has('{count}')")
    platformos.add({"error_type": "error"})
    tabs[who].wait_last(platformos.ids[-1])
    assert sorted({*tabs[who].ids, *tabs[who].past}, key=int) == platformos.ids
    whole(tabs[1 - who], [str(id_) for id_, row in platformos.rows.items() if row["error_type"] == "error"])
    assert running.streams_open() == 1


def test_the_server_filters_what_nobody_wants(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """The stream has the filter that all need; it is narrower again once the tab that wanted more has gone."""
    running = server()
    first = tab(running)
    asked = calls(first)
    platformos.add({"error_type": "error"})
    first.share(filter="error")
    first.wait("ids.length === 1")
    second = tab(running).share()
    joined([first, second])
    second.page.close()
    wait_for(lambda: first.run("() => 3") == len(asked), 20)  # playwright reports requests while it runs a call
    platformos.add({"error_type": "info"}, {"error_type": "error"})
    first.wait("ids.length === 2")
    assert asked == [
        Call("call-stream", "error", False),
        Call("call-stream", None, True),
        Call("call-stream", "error", True),
    ]


def test_a_new_leader_goes_on_with_what_the_last_one_served(
    server: Start, platformos: PlatformOS, tab: OpenTab
) -> None:
    """A stream that was narrower until all tabs have answered would pass over entries that others want."""
    running = server()
    platformos.add({"error_type": "error"})
    tabs = [tab(running).share(filter="error") for _ in range(2)]
    tabs.append(tab(running).share())
    joined(tabs)
    asked = calls(tabs[1])
    tabs[0].page.close()
    joined(tabs[1:])
    platformos.add({"error_type": "info"}, {"error_type": "error"})
    whole(tabs[2], platformos.ids)
    whole(tabs[1], ["1", "3"])
    assert asked == [Call("call-stream", None, True)]


def test_what_two_leaders_bring_comes_once(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """One that took over may begin a little before the place that others have got to."""
    running = server()
    tabs = [tab(running, LISTEN).share() for _ in range(2)]
    joined(tabs)
    platformos.add_many(3)
    tabs[1].wait("ids.length === 3")
    channel, message = next(each for each in map(json.loads, tabs[0].run("() => said")) if "entries" in str(each))
    tab(running).run("([name, message]) => new BroadcastChannel(name).postMessage(message)", [channel, message])
    platformos.add({})
    tabs[1].wait_last("4")
    assert tabs[1].ids == platformos.ids


def test_other_tokens_do_not_hear(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """Two tokens have two streams. No token or entry goes to tabs of the other one."""
    both = {**CLIENTS, "other": {**CLIENTS["default"], "token": OTHER}}
    running = server(clients=both)
    ours, others = tab(running, LISTEN).share(), tab(running).share(token=OTHER, filter="warn")
    joined([ours])
    joined([others])
    platformos.add({"error_type": "warn"}, {"error_type": "error"})
    whole(ours, platformos.ids)
    whole(others, platformos.ids[:1])
    assert running.streams_open() == 2
    said = [tab.run("() => said") for tab in (ours, others)]
    names = [{json.loads(message)[0] for message in messages} for messages in said]
    assert [len(each) for each in names] == [1, 1]
    assert not names[0] & names[1]
    assert TOKEN not in str(said)
    assert OTHER not in str(said)


def test_other_environments_have_streams_of_their_own(
    server: Start, platformos: PlatformOS, production: PlatformOS, tab: OpenTab
) -> None:
    """Each environment has one stream."""
    running = server(environments={"staging": platformos, "production": production})
    tabs = [tab(running).share(), tab(running).share(env="production")]
    platformos.add({})
    production.add_many(2)
    tabs[0].wait("ids.length === 1 && last('shared') === 1")
    tabs[1].wait("ids.length === 2 && last('shared') === 1")
    assert running.streams_open() == 2


def test_without_locks_each_tab_has_its_own(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """So it is over plain http from elsewhere. Events are the same, and a change of filter brings the past."""
    running = server()
    platformos.add({"error_type": "info"}, {"error_type": "error"})
    tabs = [tab(running, ALONE).share(filter="error") for _ in range(2)]
    for each in tabs:
        each.wait("last('state') === 'live' && last('shared') === 1 && ids.length === 1")
    assert running.streams_open() == 2
    tabs[0].run("() => shared.setFilter('')")
    tabs[0].wait("past.size === 2")
    platformos.add({"error_type": "info"}, {"error_type": "error"})
    whole(tabs[0], platformos.ids)
    tabs[1].wait("ids.length === 2")


def test_it_continues_where_it_was(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """With `lastId` it gets what came after that entry, and nothing before."""
    running = server()
    platformos.add_many(5)
    reader = tab(running).share(lastId="3")
    whole(reader, platformos.ids[3:])


def test_a_leader_that_is_frozen_keeps_nobody_waiting(server: Start, platformos: PlatformOS, tab: OpenTab) -> None:
    """If its tab does not answer, earlier entries are asked of the server; they come again when the leader wakes."""
    running = server()
    platformos.add_many(3)
    first = tab(running).share()
    first.wait("ids.length === 3")
    session = first.page.context.new_cdp_session(first.page)
    session.send("Debugger.enable")
    session.send("Debugger.pause")
    second = tab(running)
    asked = calls(second)
    second.share()
    second.wait("past.size === 3")
    assert [call.path for call in asked] == ["call"]
    session.send("Debugger.disable")
    platformos.add({})
    whole(second, platformos.ids)


def test_a_refusal_is_told_to_all_and_tried_again_for_a_newcomer(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """An unknown token is tried anew for each tab that joins. Once it is known all tabs are live."""
    complaints.expect("401")
    running = server(clients={"other": {"token": OTHER}})
    tabs = [tab(running).share() for _ in range(2)]
    for each in tabs:
        each.wait("last('state') === 'ended'")
    running.clients_file.write_text(json.dumps(CLIENTS))
    wait_for(lambda: running.get("/health").status_code == 200, 15)
    tabs.append(tab(running).share())
    joined(tabs)


def test_a_filter_that_is_refused_is_told(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """The tab gets the server's sentence."""
    complaints.expect("400")
    running = server()
    tabs = [tab(running).share(), tab(running).share(filter="f" * 201)]
    tabs[1].wait("last('trouble')")
    assert "`filter` must be a string of 1 to 200 characters" in tabs[1].run("() => last('trouble')")
    platformos.add({})
    whole(tabs[0], platformos.ids)


def test_a_restart_of_the_server_is_a_blink_for_all(
    server: Start, platformos: PlatformOS, tab: OpenTab, complaints: Complaints
) -> None:
    """One stream comes back, and no tab loses anything."""
    complaints.expect(*AWAY)
    running = server()
    tabs = [tab(running).share() for _ in range(3)]
    joined(tabs)
    with flowing(platformos, every=0.05):
        tabs[0].wait("ids.length > 20")
        running.stop()
        running.start()
        tabs[0].wait(f"ids.length > {len(platformos.ids) + 20}")
    for each in tabs:
        whole(each, platformos.ids)
        assert "reconnecting" in each.states
    assert running.streams_open() == 1
