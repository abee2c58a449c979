"""Servers that a template forks: gunicorn's master with its worker, like one that was started from nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.template import Template
from tests.unit.doubles import eventually

STREAM = "platformos.logs.stream"


@pytest.fixture(params=["gevent", "gthread"])
def template(request: pytest.FixtureRequest, templates: Callable[[str], Template]) -> Template:
    return templates(request.param)


def test_servers_of_a_template_are_apart_and_end_as_others_do(
    template: Template, tmp_path: Path, platformos: PlatformOS
) -> None:
    """Files, variables, output, session and exit status are each one's own; another worker follows one that is lost."""
    kind = template.kind
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    platformos.add({"message": "of the real site"})
    with (
        Server(tmp_path / "one", kind, environments={"staging": platformos}, template=template) as one,
        Server(tmp_path / "other", kind, env={"POSLOGS_HEARTBEAT_SECOND": "5"}, template=template) as other,
    ):
        with one.stream(STREAM, {"env": "staging"}) as reader:
            assert reader.wait_entries(1)[0]["message"] == "of the real site"
        one.wait_output("environments  staging (from .pos)")
        other.wait_output("POSLOGS_HEARTBEAT_SECOND is not a setting of poslogs")
        assert "POSLOGS_HEARTBEAT_SECOND" not in one.output
        old = one.worker_pid()
        one.signal(signal.SIGHUP)
        eventually(lambda: one.worker_pids() and old not in one.worker_pids())
        one.wait_live()
        one.signal(signal.SIGTERM)
        assert one.wait_exit() == 0
        assert not one.is_running
        assert other.is_running
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait_exit(0.01)
    assert other.wait_exit() == -signal.SIGKILL


def test_a_start_that_fails_is_told_with_what_was_written(template: Template, tmp_path: Path) -> None:
    """The sentence and the status of a start that cannot work."""
    (tmp_path / ".pos").write_text("{")
    with pytest.raises(AssertionError, match=r"ended with 1:\nposlogs cannot start: .pos is not valid JSON"):
        Server(tmp_path, template.kind, template=template)


def test_one_process_forks_for_all_who_share_a_folder_and_ends_with_the_last_of_them(
    tmp_path: Path, platformos: PlatformOS
) -> None:
    """The one that began it may leave first. The next who comes after the last begins another."""

    def starts(template: Template, name: str) -> None:
        (tmp_path / name).mkdir()
        Server(tmp_path / name, "gthread", environments={"staging": platformos}, template=template).kill()

    with Template("gthread", tmp_path) as other:
        with Template("gthread", tmp_path) as first:
            assert first.process == other.process
            starts(first, "one")
        starts(other, "two")
    eventually(lambda: not is_listened_on(other.path))
    with Template("gthread", tmp_path) as last:
        assert last.process != other.process
        starts(last, "three")


def is_listened_on(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        return sock.connect_ex(str(path)) == 0


def test_what_is_read_as_a_process_starts_needs_one_that_does(platformos: PlatformOS) -> None:
    """Servers of others, and variables that others than poslogs read."""
    given = {"environments": {"staging": platformos}}
    assert Template.suits("waitress", env={"POSLOGS_WINDOW_MB": "1"}, args=["--threads=9"], **given)
    assert not Template.suits("uwsgi", **given)
    for asked in (
        {"env": {"LD_PRELOAD": "clock.so"}},
        {"env": {"WEB_CONCURRENCY": "2"}},
    ):
        assert not Template.suits("gevent", **{**given, **asked}), asked
