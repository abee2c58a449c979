"""Fault 5: a redirect is refused and our token goes nowhere else; `.netrc` and proxy variables change nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.faults.upstream import FETCH, LIVE, all_lossless, arrived, follow, lossless, stand_ins, told, wait_told
from tests.support.platformos import PATH, PlatformOS
from tests.support.server import Server

REDIRECTS = {"moved": 301, "found": 302, "other": 303, "again": 307, "for-good": 308, "choices": 300, "proxy": 305}


def test_a_redirect_to_another_host_is_refused_and_the_token_is_not_sent_there(server: Callable[..., Server]) -> None:
    """Each of seven kinds of redirect gives one error, and no connection to the other host."""
    with stand_ins(*REDIRECTS) as instances, PlatformOS() as elsewhere, ExitStack() as stack:
        elsewhere.add_many(50)
        running = server(environments=instances)
        readers = {name: stack.enter_context(follow(running, name, LIVE)) for name in instances}
        for platformos in instances.values():
            platformos.add_many(2)
        for name, platformos in instances.items():
            arrived(readers[name], "2")
            away = f"http://localhost:{elsewhere.port}{PATH}?last_id=0"
            platformos.fail("redirect", location=away, status=REDIRECTS[name])
            platformos.add_many(2)
        for name in instances:
            sentence = f"platformOS redirects environment {name} elsewhere; check its url in .pos."
            assert wait_told(readers[name]) == [sentence]
        refused = running.post("/call", {"tool": FETCH, "input": {"env": "moved"}})
        assert refused.status_code == 503
        assert "redirects" in refused.json()["error"]
        for name, platformos in instances.items():
            back = f"{platformos.url}{PATH}?last_id=0"
            platformos.fail("redirect", times=1, location=back, status=REDIRECTS[name])
        all_lossless((platformos, [readers[name]]) for name, platformos in instances.items())
        for name, platformos in instances.items():
            assert len(told(readers[name])) == 1
            assert platformos.max_in_flight <= 2  # the fetch, and no request that a redirect has led to
        assert elsewhere.connections == 0


def test_netrc_and_proxy_variables_never_replace_our_authorization(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path
) -> None:
    """With a `.netrc` for the very host and a proxy for everything, polls go straight there with our own token."""
    home = tmp_path / "home"
    home.mkdir()
    netrc = "machine 127.0.0.1 login mallory password stolen\ndefault login mallory password stolen\n"
    for name in (".netrc", "_netrc"):
        (home / name).write_text(netrc)
        (home / name).chmod(0o600)
    platformos.add_many(3)
    with PlatformOS() as proxy:
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        variables = dict.fromkeys(names, proxy.url) | {"NO_PROXY": "", "no_proxy": ""}
        running = server(env={"HOME": str(home), "NETRC": str(home / ".netrc"), **variables})
        with follow(running) as reader, follow(running, tool=LIVE, gzip=True) as live:
            lossless(platformos, reader, live, ids=["1", "2", "3"])
            assert told(reader) == told(live) == []
        assert [
            entry["id"] for entry in running.call(FETCH, {"env": "staging", "lastId": "0", "limit": 1})["logs"]
        ] == ["1"]
        assert proxy.connections == 0
    for request in platformos.requests:
        assert request.headers.get_all("Authorization") == [f"Token {platformos.token}"]
        assert request.headers.get("Proxy-Authorization") is None
        assert request.headers.get("Cookie") is None


def test_a_cookie_that_platformos_sets_is_not_kept_from_one_environment_to_another(
    server: Callable[..., Server],
) -> None:
    """Two instances on one host each get their own token, and never a cookie that the other one set."""
    with stand_ins("staging", "production") as instances:
        instances["production"].token = "production-token-61c0"
        running = server(environments=instances)
        cookie = {"Set-Cookie": "session=secret-of-staging; Path=/"}
        instances["staging"].fail("raw", times=1, body={"logs": []}, headers=cookie)
        with follow(running) as one, follow(running, "production") as two:
            for platformos, reader in ((instances["staging"], one), (instances["production"], two)):
                platformos.add_many(2)
                lossless(platformos, reader)
        for platformos in instances.values():
            assert {request.headers["Authorization"] for request in platformos.requests} == {
                f"Token {platformos.token}"
            }
        assert all("Cookie" not in request.headers for request in instances["production"].requests)
