"""A start prints what is served, and one that cannot work ends with one sentence."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.server import REPO, Server
from tests.wire.exchange import OTHER, READER, STREAM, clients, get, unharmed
from tests.wire.starting import checked_in_vain, started_in_vain

pytestmark = pytest.mark.slow

GOOD_CLIENTS = json.dumps(clients())
GOOD = {"url": "https://example.com", "email": "dev@example.com", "token": "pos-token"}
BAD_SETTINGS = [
    ("POSLOGS_HEARTBEAT_SECONDS", ["0", "61", "nan", "15s"]),
    ("POSLOGS_MAX_STREAMS", ["-1", "1000001"]),
    ("POSLOGS_PROXY_HOPS", ["-1", "6"]),
    ("POSLOGS_WINDOW_MB", ["0", "1025"]),
    ("POSLOGS_OVERLAP_SECONDS", ["-0.1", "601"]),
    ("POSLOGS_POLL_SECONDS", ["0.9", "301"]),
    ("POSLOGS_POLL_MB", ["0", "513"]),
    ("POSLOGS_LOG_LEVEL", ["loud"]),
    ("POSLOGS_CORS_ORIGINS", ["localhost:3000", "https://logs.example.com/", "null"]),
    ("PORT", ["99999", "-1"]),
]
BAD_JSON: list[tuple[str | bytes, str]] = [
    ("", "is empty"),
    ('{"staging": {"url": "https://example.com", "tok', "is not valid JSON (line 1, column "),
    ('{\n  "staging": {},\n}', "is not valid JSON (line 2, column "),
    (b"\xff\xfe{\x00}\x00", "is not valid JSON: it is UTF-16; save it as UTF-8"),
    ('{"é": 1}'.encode("cp1252"), "perhaps Windows-1252, at line 1, column 3 (byte 0xe9); save it as UTF-8"),
    ("[]", "must be an object such as"),
    ("{}", "must be an object such as"),
    (b" " * 5_000_000, "is larger than"),
]
BAD_ENVIRONMENTS: list[tuple[Any, str]] = [
    ("https://example.com", "environment staging must be an object"),
    ({}, "environment staging has no url; run `pos-cli env add staging`"),
    ({**GOOD, "token": 7}, "environment staging has no token"),
    ({**GOOD, "url": "example.com"}, "the url of environment staging must be like"),
    ({**GOOD, "url": "https://me:secret@example.com"}, "the url of environment staging must be like"),
    ({**GOOD, "token": "pos\r\ntoken"}, "that no header can carry"),
]
BAD_CLIENTS: list[tuple[Any, str]] = [
    ("token", "client one must be an object with a token"),
    ({}, "client one must have a token or a token_sha256"),
    ({"token": "a", "token_sha256": "0" * 64}, "and not both"),
    ({"token": "with space"}, "the token of client one must be"),
    ({"token_sha256": "abc"}, "token_sha256 of client one must be 64 hexadecimal digits"),
    ({"token": "a", "env": ["staging"]}, "client one has an unknown field env"),
    ({"token": "a", "envs": "staging"}, "envs of client one must be a list"),
    ({"token": "a", "limits": {"requests": "often"}}, "requests in the limits of client one must be like"),
    ({"token": "a", "limits": {"streams": "ten"}}, "streams in the limits of client one must be a whole number"),
]


Vain = tuple[dict[str, Any], list[str]]  # how a start is made, as for `started_in_vain`, and signs in its sentence


def all_in_vain(folder: Path, starts: list[Vain]) -> None:
    """Each start, in a folder of its own and two at a time, ends in a sentence with its signs in it."""
    with ThreadPoolExecutor(2) as pool:
        ended = [
            pool.submit(in_vain, folder / str(number), started_in_vain, start) for number, start in enumerate(starts)
        ]
        for each in ended:
            each.result()


def checks(folder: Path, starts: list[Vain]) -> None:
    """The first start as people start it, the others by what every start asks first, `poslogs check`: it is quicker."""
    first, *rest = starts
    in_vain(folder / "0", started_in_vain, first)
    for number, start in enumerate(rest, 1):
        in_vain(folder / str(number), checked_in_vain, start)


def in_vain(own: Path, start: Callable[..., str], vain: Vain) -> None:
    """The start, in a folder of its own, ends in a sentence with the signs in it, and without a secret."""
    kw, signs = vain
    own.mkdir()
    more = {name: value for name, value in kw.items() if name != "files"}
    sentence = start(own, {"clients.json": GOOD_CLIENTS, **kw.get("files", {})}, **more)
    for sign in signs:
        assert sign in sentence, (kw, sign, sentence)
    for secret in (READER, "pos-token", "secret@"):
        assert secret not in sentence


# What a start prints


def test_the_start_up_lines_tell_what_is_served_to_whom_and_within_which_limits(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """They have version, address, environments and their source, clients, limits and room, and no token."""
    running = server(
        environments={"staging": platformos, "production": platformos},
        clients=clients(other={"token": OTHER}),
        forked=False,
    )
    running.wait_output('"env":"staging"}}\'')
    text = running.output
    assert re.match(rf"poslogs \d+\.\d+\.\d+ at http://127\.0\.0\.1:{running.port}\n", text), text
    assert re.search(r"environments +staging, production \(from \.pos\)\n", text), text
    assert re.search(rf"clients +3 \(from {re.escape(str(running.clients_file))}\)\n", text), text
    assert re.search(r"limits +100000 per minute; 1000 streams; for client operator; others differ\n", text), text
    assert re.search(r"capacity +5800 streams at once\n", text), text
    assert "demo" not in text
    assert "published" not in text
    assert "Traceback" not in text
    unharmed(running)


def test_a_demo_says_that_it_is_one(server: Callable[..., Server]) -> None:
    """With no `.pos` and no MPKIT_*: the start-up lines, /health and /tools say that the environments are simulated."""
    running = server(clients=clients(), own=True)
    running.wait_output("staging, production (a demo: simulated, as there is no .pos here)")
    health = json.loads(get(running, "/health").body)
    assert [(env["name"], env["demo"]) for env in health["environments"]] == [("staging", True), ("production", True)]
    assert "simulated" in json.loads(get(running, "/tools").body)["demo"]
    with running.stream(STREAM, {"env": "production", "interval": 250}, token=READER) as reader:
        assert reader.wait_entries(3)[0]["env"] == "production"
    unharmed(running)


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_the_curl_in_the_start_up_lines_streams_when_pasted_into_a_shell(
    server: Callable[..., Server], tmp_path: Path, kind: str
) -> None:
    """On a fresh checkout with the shipped clients.json bash runs the lines unchanged, and entries arrive."""
    running = server(kind, clients=REPO / "clients.json")
    with paste(running, tmp_path) as curl:
        curl.wait_line("event: data")
        assert json.loads(json.loads(curl.wait_line("data: {").removeprefix("data: "))["text"])["env"] == "staging"
    assert re.search(r"limits +100 per minute; 20 per 10 seconds; 10 streams; for each client\n", running.output)
    assert "published tokens that work on this machine only" in running.output


def test_the_curl_carries_the_published_token_that_there_is(server: Callable[..., Server], tmp_path: Path) -> None:
    """With the clients.json that the guide prints, whose token is `client-secret`, the pasted lines stream too."""
    guides = {"default": {"token": "client-secret", "name": "Default Client"}}
    with paste(server(clients=guides, own=True), tmp_path) as curl:
        curl.out.wait_until(lambda text: "event: data" in text or '{"error":' in text)
        assert "event: data" in curl.out.text


def paste(server: Server, folder: Path) -> Program:
    """The command of the start-up lines, run by bash as it was printed."""
    need("curl")
    server.wait_output('"input":{"env":"staging"}}\'\n')
    command = server.output.partition("Paste this into another shell to see the log arrive:\n")[2]
    assert command.lstrip().startswith("curl -N -X POST "), command
    return Program([need("bash"), "-c", command], folder)


# Where environments come from


@pytest.mark.parametrize(
    ("where", "told"),
    [(".pos", ".pos"), (".marketplace-kit", ".marketplace-kit"), ("elsewhere/envs.json", "elsewhere/envs.json")],
)
def test_a_file_of_environments_is_served(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path, where: str, told: str
) -> None:
    """`.pos`, the older `.marketplace-kit`, and what CONFIG_FILE_PATH names may hold unknown keys."""
    platformos.add({})
    more = {**platformos.environment, "url": platformos.url + "/", "partner_portal": "x", "extra": {"a": 1}}
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text(json.dumps({"staging": platformos.environment, "second site": more}))
    named = {"CONFIG_FILE_PATH": where} if "/" in where else {}
    running = server(folder=tmp_path, environments=None, clients=clients(), env=named)
    running.wait_output(f"staging, second site (from {told})")
    for name in ("staging", "second site"):
        with running.stream(STREAM, {"env": name}, token=READER) as reader:
            assert reader.wait_entries(1)[0]["env"] == name
    unharmed(running)


def test_the_order_in_which_pos_cli_looks_for_its_file_is_ours(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path
) -> None:
    """It is CONFIG_FILE_PATH, `.pos`, `.marketplace-kit`; only the first that exists counts."""
    for name in (".pos", ".marketplace-kit", "named"):
        (tmp_path / name).write_text(json.dumps({f"from {name}": platformos.environment}))
    running = server(folder=tmp_path, environments=None, clients=clients(), env={"CONFIG_FILE_PATH": "named"})
    running.wait_output("from named (from named)")
    running.stop()
    running = server(folder=tmp_path, environments=None, clients=clients())
    running.wait_output("from .pos (from .pos)")
    unharmed(running)


@pytest.mark.parametrize(("name", "expected"), [("", "default"), ("live", "live")])
def test_an_environment_from_variables_is_served_and_stands_beside_the_file(
    server: Callable[..., Server], platformos: PlatformOS, name: str, expected: str
) -> None:
    """It has MPKIT_URL, MPKIT_EMAIL and MPKIT_TOKEN, and the name MPKIT_ENV or `default`. There is no demo."""
    platformos.add({})
    given = {"MPKIT_URL": platformos.url + "/", "MPKIT_EMAIL": platformos.email, "MPKIT_TOKEN": platformos.token}
    alone = server(environments=None, clients=clients(), env={**given, "MPKIT_ENV": name})
    alone.wait_output(f"environments  {expected} (from MPKIT_URL)")
    both = server(clients=clients(), env={**given, "MPKIT_ENV": name}, own=True)
    both.wait_output(f"environments  staging, {expected} (from .pos and MPKIT_URL)")
    for running, env in ((alone, expected), (both, expected), (both, "staging")):
        with running.stream(STREAM, {"env": env}, token=READER) as reader:
            assert reader.wait_entries(1)[0]["env"] == env
    asked = platformos.requests[0].headers
    assert (asked["Authorization"], asked["From"]) == (f"Token {platformos.token}", platformos.email)
    unharmed(alone)
    unharmed(both)


# Starts that cannot work


def test_a_setting_out_of_bounds_ends_the_start_with_its_name_and_bounds(tmp_path: Path) -> None:
    """Every number and word that an operator may set, past each of its bounds."""
    starts: list[Vain] = [
        ({"env": {name: value}}, [f"{name} must be ", value]) for name, values in BAD_SETTINGS for value in values
    ]
    checks(tmp_path, starts)


def test_a_port_that_is_no_number_ends_the_start_in_the_same_way(tmp_path: Path) -> None:
    """A bad setting like any other."""
    assert "PORT must be a number" in started_in_vain(tmp_path, {"clients.json": GOOD_CLIENTS}, env={"PORT": "abc"})


def test_a_busy_port_ends_the_start_with_the_way_out(tmp_path: Path) -> None:
    """On both kinds of worker the sentence says which port is taken, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        signs = [f"port {port} of 127.0.0.1 is not available", "in use", "PORT=3031"]
        all_in_vain(tmp_path, [({"kind": kind, "env": {"PORT": port}}, signs) for kind in ("gevent", "gthread")])


def test_a_file_of_environments_that_cannot_be_used_ends_the_start_with_what_and_where(tmp_path: Path) -> None:
    """Empty, cut, binary, of the wrong shape, without a url, with a token that no header can carry; never the token."""
    starts: list[Vain] = [({"files": {".pos": text}}, [".pos", sign]) for text, sign in BAD_JSON]
    for fields, sign in BAD_ENVIRONMENTS:
        starts.append(({"files": {".pos": json.dumps({"staging": fields})}}, [".pos: ", sign]))
    starts.append(({"files": {".marketplace-kit": "{"}}, [".marketplace-kit is not valid JSON"]))
    starts.append(({"env": {"CONFIG_FILE_PATH": "no/such.json"}}, ["no/such.json cannot be read (no such file"]))
    starts.append(({"env": {"CONFIG_FILE_PATH": "/proc/self/mem"}}, ["/proc/self/mem cannot be read"]))
    starts.append(({"env": {"CONFIG_FILE_PATH": "."}}, [". cannot be read (is a directory)"]))
    checks(tmp_path, starts)


def test_clients_that_cannot_be_used_end_the_start_with_what_and_where(tmp_path: Path) -> None:
    """Empty, cut, binary, of the wrong shape, two with one token, every field out of bounds; never a token."""
    starts: list[Vain] = [({"files": {"clients.json": text}}, ["clients.json", sign]) for text, sign in BAD_JSON]
    for fields, sign in BAD_CLIENTS:
        starts.append(({"files": {"clients.json": json.dumps({"one": fields})}}, ["clients.json: ", sign]))
    twice = json.dumps({"one": {"token": READER}, "two": {"token": READER}})
    starts.append(({"files": {"clients.json": twice}}, ["clients one and two have the same token"]))
    for named, sign in (("no/such.json", "no such file"), (".", "is a directory"), ("/proc/self/mem", "")):
        starts.append(({"env": {"POSLOGS_CLIENTS_FILE": named}}, [f"{named} cannot be read ({sign}"]))
    checks(tmp_path, starts)


@pytest.mark.parametrize("where", [".pos", "clients.json"])
def test_a_file_without_permission_ends_the_start_with_the_reason(tmp_path: Path, where: str) -> None:
    """The account of the server may not read it (root may read everything, so it gives that up first)."""
    for name, text in ((".pos", json.dumps({"staging": GOOD})), ("clients.json", GOOD_CLIENTS)):
        (tmp_path / name).write_text(text)
    (tmp_path / where).chmod(0)
    sentence = started_in_vain(tmp_path, unprivileged=True)
    assert f"{where} cannot be read (permission denied)" in sentence


def test_variables_that_are_half_set_end_the_start_with_what_is_missing(tmp_path: Path) -> None:
    """If only some of MPKIT_URL, MPKIT_EMAIL and MPKIT_TOKEN are set, the sentence names the others; or a bad url."""
    given = {"MPKIT_URL": "https://example.com", "MPKIT_EMAIL": "dev@example.com", "MPKIT_TOKEN": "pos-token"}
    starts: list[Vain] = []
    for name in given:
        others = [other for other in given if other != name]
        starts.append(({"env": {name: given[name]}}, [" and ".join(others) + " must be set too"]))
        starts.append(({"env": {other: given[other] for other in others}}, [f"{name} must be set too"]))
    starts.append(({"env": {**given, "MPKIT_TOKEN": ""}}, ["MPKIT_TOKEN must be set too"]))
    starts.append(({"env": {**given, "MPKIT_URL": "example.com"}}, ["the url of environment default must be like"]))
    checks(tmp_path, starts)


@pytest.mark.parametrize("kind", ["waitress", "flask"])
def test_other_servers_end_in_the_same_sentence(tmp_path: Path, kind: str) -> None:
    """Under waitress and flask run too: a cut `.pos`, a setting out of bounds."""
    starts: list[Vain] = [
        ({"kind": kind, "files": {".pos": "{"}}, [".pos is not valid JSON"]),
        ({"kind": kind, "env": {"POSLOGS_WINDOW_MB": "0"}}, ["POSLOGS_WINDOW_MB must be from 1 to 1024, not 0"]),
    ]
    all_in_vain(tmp_path, starts)


@pytest.mark.parametrize("kind", ["waitress", "flask"])
def test_other_servers_serve_too(server: Callable[..., Server], platformos: PlatformOS, kind: str) -> None:
    """Without gunicorn's own file the app does what it does: a stream arrives, and /health counts it."""
    running = server(kind, clients=clients(), forked=False)
    with running.stream(STREAM, {"env": "staging", "interval": 250}, token=READER) as reader:
        platformos.add({})
        reader.wait_entries(1)
        assert json.loads(get(running, "/health").body)["streams"] == 1


@pytest.mark.parametrize("kind", ["gevent", "waitress"])
def test_a_variable_that_is_misspelt_is_told_once_with_the_nearest(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """It would have no effect, and nobody would know."""
    running = server(kind, env={"POSLOGS_HEARTBEAT_SECOND": "5"}, own=True)
    told = "POSLOGS_HEARTBEAT_SECOND is not a setting of poslogs and has no effect; is POSLOGS_HEARTBEAT_SECONDS meant?"
    running.wait_output(told)
    assert running.output.count(told) == 1


def test_a_name_that_would_act_on_a_terminal_is_spelt_out(
    server: Callable[..., Server], platformos: PlatformOS, tmp_path: Path
) -> None:
    """This holds in the start-up lines, in the log, and in the sentence of a start that fails."""
    name, shown = "a\x1b[2J\nERROR b", r"a\x1b[2J\nERROR b"
    running = server(clients=clients(), environments={name: platformos}, own=True)
    running.wait_output(f"environments  {shown} (from")
    platformos.fail("status", status=500)
    with running.stream(STREAM, {"env": name, "interval": 250}, token=READER) as reader:
        reader.wait_until(lambda: bool(reader.errors))
    running.wait_output(f"environment {shown}")
    assert "\x1b" not in running.output
    assert "\nERROR" not in running.output
    told = started_in_vain(tmp_path, {".pos": json.dumps({name: {}}), "clients.json": GOOD_CLIENTS})
    assert told.startswith(f".pos: environment {shown} has no url")


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_worker_starts_also_when_nobody_reads_what_it_prints(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """The process that started the server has gone, and its first worker with it. The next worker serves."""
    running = server(kind, start=False)
    read, write = os.pipe()
    os.close(read)
    running.process = subprocess.Popen(
        running._command(), cwd=running.folder, env=running._environ, stdout=write, stderr=write, start_new_session=True
    )
    os.close(write)
    running.wait_live()
    first = running.worker_pid()
    os.kill(first, signal.SIGKILL)
    running.wait_live()
