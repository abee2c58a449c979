"""Connect: a token, an environment, a tool, a filter; and what may be wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit, Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, REPO, TOKEN, Server

SHIPPED = REPO / "clients.json"
FULL = f"""
if (location.protocol !== "about:") sessionStorage.setItem("poslogs.token", {TOKEN!r});
Storage.prototype.setItem = () => {{ throw new Error("The storage is full"); }};
"""
TOLD = re.compile("token|header", re.IGNORECASE)  # of what cannot be a token
PLENTY = {"requests": "100000 per minute", "streams": 1000}


def test_the_page_asks_for_a_token_first(site: Server, visit: Visit) -> None:
    """There is a field that does not show the token, and no log; the state is there already."""
    screen = visit(site)
    expect(screen.token).to_have_attribute("type", "password")
    expect(screen.button("Connect")).to_be_visible()
    expect(screen.connection).to_have_count(1)
    expect(screen.log).to_have_count(0)
    assert site.streams_open() == 0


def test_connecting_fills_the_environments_and_joins_the_first(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """Both can be chosen, and all at once. The first is read, and nothing of the other one."""
    platformos.add_many(3)
    production.add_many(2)
    screen = visit(site).connect()
    assert screen.environment.locator("option").all_inner_texts() == ["staging", "production", "All (2)"]
    assert screen.environment.input_value() == "staging"
    screen.wait_ids(platformos.ids)
    assert production.requests == []


def test_another_environment_is_joined_at_once(screen: Screen, platformos: PlatformOS, production: PlatformOS) -> None:
    """Entries of the first leave, and only those of the second come."""
    platformos.add({"message": "of staging"})
    expect(screen.entries).to_have_count(1)
    production.add({"message": "of production"})
    screen.environment.select_option("production")
    expect(screen.entries).to_have_count(1)
    expect(screen.entries).to_contain_text("of production")
    platformos.add({"message": "of staging again"})
    production.add({"message": "of production again"})
    expect(screen.entries).to_have_count(2)
    expect(screen.log.get_by_text("of staging")).to_have_count(0)
    expect(screen.page.get_by_text("The link asks")).to_have_count(0)
    assert screen.server.streams_open() == 1


def test_another_environment_is_followed_by_who_had_scrolled_up(
    screen: Screen, platformos: PlatformOS, production: PlatformOS
) -> None:
    """The view begins at its end, and the button that leads there is gone."""
    platformos.add_many(100)
    screen.wait_drawn(platformos.ids[-1])
    screen.scroll_up()
    expect(screen.jump).to_be_visible()
    screen.environment.select_option("production")
    production.add_many(100)
    screen.wait_drawn(production.ids[-1])
    expect(screen.entry(production.ids[-1])).to_be_in_viewport()
    expect(screen.jump).to_have_count(0)


def test_the_tool_acts_at_once(screen: Screen, platformos: PlatformOS) -> None:
    """The other tool continues where the first was: nothing comes twice, and nothing is lost."""
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    with screen.page.expect_request(lambda request: "call-stream" in request.url) as asked:
        screen.open_more().tool.select_option(label="stream")
    assert asked.value.post_data_json["tool"] == "platformos.logs.stream"
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    screen.wait_state("live")


def test_the_token_is_kept_for_the_tab_alone(site: Server, visit: Visit, window: Window) -> None:
    """It is in sessionStorage and nowhere else: no address, title, cookie, history, lasting store or other tab."""
    context = window()
    screen = Screen(context, site).open().connect()
    screen.set_filter("error")
    kept = screen.stored()
    assert TOKEN in json.dumps(kept.pop("session"))
    assert TOKEN not in json.dumps(kept)
    assert TOKEN not in screen.page.content()
    other = Screen(context, site).open()
    expect(other.token).to_be_visible()
    expect(other.log).to_have_count(0)


def test_the_token_is_sent_in_the_header_alone(site: Server, visit: Visit) -> None:
    """No request has it in the address or the body."""
    screen = visit(site)
    asked = []
    screen.page.on("request", lambda request: asked.append(request))
    screen.connect()
    assert len([each for each in asked if each.headers.get("authorization") == f"Bearer {TOKEN}"]) >= 2
    assert [each for each in asked if TOKEN in each.url or TOKEN in (each.post_data or "")] == []
    assert {each.url.split("/")[2] for each in asked} == {f"127.0.0.1:{site.port}"}


@in_firefox_too
def test_a_reload_connects_by_itself(screen: Screen, platformos: PlatformOS) -> None:
    """It reads the same environment, and shows what is there once."""
    screen.environment.select_option("production")
    screen.wait_state("live")
    screen.environment.select_option("staging")
    platformos.add_many(4)
    screen.wait_ids(platformos.ids)
    screen.page.reload()
    screen.wait_state("live")
    screen.wait_ids(platformos.ids)
    assert screen.environment.input_value() == "staging"


def test_forget_token_goes_back(screen: Screen, platformos: PlatformOS) -> None:
    """The stream is closed, the token is gone from the tab, and what was shown with it."""
    platformos.add({"message": "a secret of the site"})
    expect(screen.entries).to_have_count(1)
    screen.entries.get_by_role("button", name="Pin entry 1").click()
    screen.open_more().button("Forget token").click()
    expect(screen.token).to_be_visible()
    expect(screen.token).to_have_value("")
    assert TOKEN not in json.dumps(screen.stored())
    assert "a secret of the site" not in screen.page.content()
    assert "a secret of the site" not in json.dumps(screen.stored())
    _wait_for(lambda: screen.server.streams_open() == 0, screen)
    screen.page.reload()
    expect(screen.token).to_be_visible()


@in_firefox_too
def test_a_wrong_token_is_told_with_what_to_do(site: Server, visit: Visit, complaints: Complaints) -> None:
    """The page shows the server's own sentence. The field is there for another try, which works."""
    complaints.expect("401")
    screen = visit(site)
    screen.token.fill("not-this-one")
    screen.button("Connect").click()
    told = screen.page.get_by_role("main").get_by_text(
        "This token is not known here; use one from the server's clients.json."
    )
    expect(told).to_be_in_viewport()
    expect(screen.token).to_be_visible()
    screen.connect()


def test_what_cannot_be_a_token_is_told_too(site: Server, visit: Visit, complaints: Complaints) -> None:
    """Signs that no header can carry, and a token that is too long, give a sentence; another try works."""
    complaints.expect("401", "400", "431")
    screen = visit(site)
    for text in ("tökèn ☃", "two words", "\u202etxt", "x" * 5000):
        expect(screen.connection).not_to_contain_text(TOLD)
        screen.token.fill(text)
        screen.button("Connect").click()
        expect(screen.connection).to_contain_text(TOLD)
        expect(screen.token).to_be_visible()
        screen.connect()
        screen.open_more().button("Forget token").click()


def test_a_token_may_be_pasted_with_space_around_it(site: Server, visit: Visit) -> None:
    """So it comes from a file or a mail."""
    screen = visit(site)
    screen.connect(f"  {TOKEN} ")


def test_a_full_stream_limit_is_told_and_waited_out(
    server: Start, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """The page shows the server's sentence while all places are taken. Once one is free, the log flows by itself."""
    complaints.expect("429")
    started = server(clients={"a": {"token": TOKEN, "limits": {**PLENTY, "streams": 1}}})
    screen = visit(started)
    with started.stream("platformos.logs.stream", {"env": "staging"}) as reader:
        reader.wait_frame(lambda frame: frame.comment == "open")
        screen.token.fill(TOKEN)
        screen.button("Connect").click()
        expect(screen.connection).to_contain_text(
            "Streams open for this client: 1, as many as it may have; close one of them, or try again in"
        )
        expect(screen.connection).to_contain_text("reconnecting")
    screen.wait_state("live")
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)


def test_a_server_that_is_gone_is_told_and_waited_for(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """The page says that the server does not answer. When it is back, a click connects."""
    complaints.expect(*AWAY)
    screen = visit(site)
    site.stop()
    screen.token.fill(TOKEN)
    screen.button("Connect").click()
    expect(screen.connection).to_contain_text("The server does not answer")
    site.start()
    platformos.add_many(2)
    if screen.button("Connect").is_visible():
        screen.button("Connect").click()
    screen.wait_state("live")
    screen.wait_ids(platformos.ids)


def test_the_demo_is_one_click_and_says_what_it_is(server: Start, visit: Visit) -> None:
    """A fresh checkout has both environments, marked as a demo, and entries flow."""
    screen = visit(server(clients=SHIPPED))
    expect(screen.page.get_by_text("demo", exact=False).first).to_be_visible()
    screen.button("Try the demo").click()
    screen.wait_state("live")
    expect(screen.entries.first).to_be_visible()
    *names, every = screen.environment.locator("option").all_inner_texts()
    assert every == "All (2)"
    assert [name.split()[0] for name in names] == ["staging", "production"]
    assert all("demo" in name for name in names)
    expect(screen.page.get_by_text(re.compile("is a demo")).filter(visible=True)).to_have_count(1)


def test_no_demo_is_offered_through_a_proxy(server: Start, visit: Visit) -> None:
    """The demo's token would not work there."""
    screen = visit(server(clients=SHIPPED))
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "CF-Connecting-IP"):
        screen.page.set_extra_http_headers({})
        screen.open()
        expect(screen.button("Try the demo")).to_be_visible()
        screen.page.set_extra_http_headers({header: "for=192.0.2.7"})
        screen.open()
        expect(screen.button("Connect")).to_be_visible()
        expect(screen.button("Try the demo")).to_have_count(0)


def test_no_demo_is_offered_beside_real_sites(site: Server, visit: Visit) -> None:
    """Nothing is called a demo there."""
    screen = visit(site)
    expect(screen.button("Try the demo")).to_have_count(0)
    screen.connect()
    expect(screen.page.get_by_text(re.compile("is a demo")).filter(visible=True)).to_have_count(0)


def test_only_what_the_token_may_read_is_there(
    server: Start, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """A client of one environment sees no other. At a link to the other one the page says what it may read."""
    clients = {**CLIENTS, "half": {"token": "half-secret-of-it", "envs": ["production"], "limits": PLENTY}}
    started = server(environments={"staging": platformos, "production": production}, clients=clients)
    production.add_many(1)
    screen = visit(started).connect("half-secret-of-it")
    assert screen.environment.locator("option").all_inner_texts() == ["production"]
    screen.wait_ids(production.ids)


@pytest.mark.parametrize("name", ["nowhere", "<img src=x onerror=alert(1)>", "__proto__"])
def test_a_link_to_an_environment_that_is_not_there_joins_the_first(
    site: Server, platformos: PlatformOS, visit: Visit, name: str
) -> None:
    """A sentence and the box say which it is, and the address drops the missing one."""
    platformos.add_many(1)
    screen = visit(site, f"#env={name}").connect()
    screen.wait_ids(platformos.ids)
    expect(screen.page.get_by_text("The link asks for the environment")).to_be_visible()
    assert screen.environment.input_value() == "staging"
    assert screen.fragment.startswith("env=staging")


@in_firefox_too
def test_a_token_in_the_address_connects_and_leaves_it_at_once(
    site: Server, production: PlatformOS, window: Window
) -> None:
    """The start-up lines print it so. Neither the address nor the history nor any request's address keeps it."""
    production.add_many(2)
    screen = Screen(window(), site)
    asked: list[str] = []
    screen.page.on("request", lambda request: asked.append(request.url))
    screen.page.goto(f"{screen.address}#token={TOKEN}&env=production")
    screen.wait_state("live")
    screen.wait_ids(production.ids)
    assert screen.environment.input_value() == "production"
    assert TOKEN not in screen.page.url
    assert "token" not in screen.fragment
    kept = screen.stored()
    assert TOKEN in json.dumps(kept.pop("session"))
    assert TOKEN not in json.dumps(kept)
    assert [url for url in asked if TOKEN in url.partition("#")[0]] == []
    screen.page.reload()
    screen.wait_state("live")
    screen.page.go_back()
    assert TOKEN not in screen.page.url


def test_a_token_in_the_address_of_an_open_page_is_taken_too(
    server: Start, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """It is pasted into an open tab, where only the fragment changes: at the sign-in, and in place of another token."""
    clients = {**CLIENTS, "half": {"token": "half-of-all-secret", "envs": ["production"], "limits": PLENTY}}
    started = server(environments={"staging": platformos, "production": production}, clients=clients)
    production.add_many(1)
    screen = visit(started)
    for token, names in (("half-of-all-secret", ["production"]), (TOKEN, ["staging", "production", "All (2)"])):
        screen.page.evaluate("token => { location.hash = `#token=${token}&env=production`; }", token)
        expect(screen.environment.locator("option")).to_have_text(names)
        screen.wait_state("live")
        screen.wait_ids(production.ids)
        assert "token" not in screen.fragment


def test_a_wrong_token_in_the_address_is_told_and_the_tab_keeps_its_own(
    site: Server, visit: Visit, complaints: Complaints
) -> None:
    """It may be from an earlier run of the server. After a reload the log is there again."""
    complaints.expect("401")
    screen = visit(site).connect()
    screen.page.goto("about:blank")
    screen.open("#token=of-an-earlier-run")
    expect(screen.connection).to_contain_text("This token is not known here")
    assert "token" not in screen.fragment
    screen.page.reload()
    screen.wait_state("live")


def test_a_token_that_is_revoked_ends_the_log(site: Server, visit: Visit, complaints: Complaints) -> None:
    """The state says that the log ended, why, and what to do."""
    complaints.expect("401")
    screen = visit(site).connect()
    site.clients_file.write_text(json.dumps({"other": {"token": "other-secret"}}))
    site.get("/livez", token=None)
    expect(screen.connection).to_contain_text(re.compile("token", re.IGNORECASE))
    expect(screen.connection).not_to_contain_text(re.compile(r"^\s*live"))


def test_a_token_that_platformos_refuses_ends_the_log(screen: Screen, platformos: PlatformOS) -> None:
    """The sentence names the environment, and the command that renews its token."""
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)
    platformos.fail("status", status=401, body={"error": "unauthorized"})
    screen.wait_state("ended")
    expect(screen.connection).to_contain_text(
        "platformOS refused the token of environment staging; run `pos-cli env refresh-token staging`"
    )
    screen.wait_ids(platformos.ids)


def test_ten_reloads_in_a_row_lock_nobody_out(server: Start, platformos: PlatformOS, visit: Visit) -> None:
    """Under the default limits no request is refused, and the log flows."""
    started = server(clients={"a": {"token": TOKEN}})
    screen = visit(started).connect()
    refused = []
    screen.page.on("response", lambda response: refused.append(response.url) if response.status == 429 else None)
    for _ in range(10):
        screen.page.reload()
        expect(screen.log).to_be_visible()
    screen.wait_state("live")
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)
    assert refused == []


def test_a_fault_of_the_page_does_not_beset_the_server(site: Server, window: Window) -> None:
    """A tab that cannot store anything says why. It asks again after a while, not at once and endlessly."""
    context = window()
    context.add_init_script(FULL)
    screen = Screen(context, site)
    asked: list[str] = []
    screen.page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/health") else None)
    screen.page.clock.install(time=0)
    screen.page.clock.pause_at(1)
    screen.open()
    expect(screen.connection).to_contain_text("The storage is full")
    screen.page.clock.run_for(2_900)
    assert len(asked) == 1
    with screen.page.expect_request("**/health"):
        screen.page.clock.run_for(200)


def test_an_answer_that_is_not_poslogs_is_told_and_spoils_nothing(site: Server, visit: Visit) -> None:
    """A proxy's sign-in answers 200 with its own page. The tab connects once that has passed."""
    screen = visit(site)
    form = "<form>Sign in, please</form>"
    screen.page.route("**/health", lambda route: route.fulfill(status=200, content_type="text/html", body=form))
    screen.token.fill(TOKEN)
    screen.button("Connect").click()
    expect(screen.connection).to_contain_text("The answer is not from poslogs.")
    screen.page.unroute("**/health")
    screen.connect()
    screen.wait_state("live")
    screen.page.evaluate("sessionStorage.setItem('poslogs.environments', 'undefined')")
    screen.page.reload()
    screen.wait_state("live")


def test_the_page_works_under_a_path_prefix(server: Start, platformos: PlatformOS, window: Window) -> None:
    """Behind a proxy that serves it below a folder, every request goes there."""
    started = server(app="tests.page.prefixed:app")
    screen = Screen(window(), started, "/logs").open().connect()
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    assert started.get("/", token=None).status_code == 404


def _wait_for(what: Callable[[], bool], screen: Screen) -> None:
    for _ in range(100):
        if what():
            return
        screen.page.wait_for_timeout(100)
    raise AssertionError("in vain")
