"""What the command line promises: one sentence that says what keeps the server from starting, or nothing."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poslogs import __version__
from poslogs.cli import main
from poslogs.settings import SETTINGS

OWN = {"mine": {"token": "a-token-of-my-own"}}
PUBLISHED = {"default": {"token": "your-client-secret-here"}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with clients of its own, and no variables."""
    monkeypatch.chdir(tmp_path)
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    (tmp_path / "clients.json").write_text(json.dumps(OWN))
    (tmp_path / "clients.json").chmod(0o600)
    return tmp_path


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


def refusal(*arguments: str) -> str:
    """The one line on stderr of a check that fails."""
    result = check(*arguments)
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    begin, colon, sentence = result.stderr.partition("poslogs cannot start: ")
    assert (begin, colon, sentence.count("\n")) == ("", "poslogs cannot start: ", 1)
    return sentence.strip()


def test_a_start_that_would_work_is_silent(folder: Path, port: int) -> None:
    """It exits with 0 and prints nothing. A demo needs nothing but clients."""
    result = check("--bind", f"127.0.0.1:{port}", "--bind", "127.0.0.1:0")
    assert (result.exit_code, result.output) == (0, "")


def test_bad_settings_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence begins with the variable."""
    monkeypatch.setenv("POSLOGS_HEARTBEAT_SECONDS", "never")
    assert refusal() == "POSLOGS_HEARTBEAT_SECONDS must be a number from 0.1 to 60, not 'never'."


def test_bad_files_are_named(folder: Path) -> None:
    """The sentence says where, to the line and column."""
    (folder / ".pos").write_text('{"staging": {\n  "url": }}')
    assert refusal() == ".pos is not valid JSON (line 2, column 10)."
    (folder / ".pos").unlink()
    (folder / "clients.json").write_text("")
    assert refusal() == "clients.json is empty; it must hold a JSON object."


def test_more_than_one_worker_is_refused_with_the_reason(folder: Path) -> None:
    """Each worker would poll, limit and count by itself."""
    assert refusal("--workers", "2").startswith("2 workers would each poll, limit and count by themselves; start one")
    assert check("--workers", "1", "--bind", "127.0.0.1:0").exit_code == 0


def test_a_person_who_checks_is_told_what_would_be_served_and_where(folder: Path) -> None:
    """Without --bind it prints what would be served, at the address of the settings."""
    result = check("--no-port-check")
    assert result.exit_code == 0
    assert result.output == "poslogs can start at 127.0.0.1:3030; it would serve staging, production.\n"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "example.com", ""])
def test_published_tokens_are_for_loopback_only(folder: Path, address: str) -> None:
    """The sentence says which client, where, and what to do."""
    (folder / "clients.json").write_text(json.dumps(PUBLISHED))
    sentence = refusal("--no-port-check", "--bind", f"{address}:3030")
    assert sentence.startswith(
        f"the tokens in clients.json are all published with poslogs, and {address} is not loopback; "
    )
    assert "`python -m poslogs token new NAME`" in sentence


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_published_tokens_work_on_loopback(folder: Path, address: str) -> None:
    """This holds for every name of loopback."""
    (folder / "clients.json").write_text(json.dumps(PUBLISHED))
    assert check("--no-port-check", "--bind", f"{address}:3030").output == ""


def test_one_address_of_many_is_enough_to_refuse(folder: Path) -> None:
    """Each address is checked."""
    (folder / "clients.json").write_text(json.dumps(PUBLISHED))
    assert "0.0.0.0 is not loopback" in refusal("--no-port-check", "--bind", "127.0.0.1:0", "--bind", "0.0.0.0:0")


def test_a_port_that_is_taken_is_told_before_gunicorn_tries(folder: Path, port: int) -> None:
    """The sentence says what to do. A socket that is handed over is not checked."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert refusal("--bind", f"127.0.0.1:{port}") == (
            f"port {port} of 127.0.0.1 is not available (address already in use); "
            "stop what uses it, or start with PORT=3031."
        )
        assert check("--no-port-check", "--bind", f"127.0.0.1:{port}").exit_code == 0


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_addresses_of_ip_6_are_looked_at_too(folder: Path, address: str) -> None:
    """They may be in brackets, as people write them, or as gunicorn passes them on."""
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    with closing(socket.socket(socket.AF_INET6)) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            pytest.skip("there is no IPv6 loopback here")
        number = sock.getsockname()[1]
    assert check("--bind", f"{address}:{number}").output == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:99999", ":-1"])
def test_what_is_no_address_is_a_sentence(folder: Path, address: str) -> None:
    """There is no traceback."""
    assert "Traceback" not in check("--bind", address).output
    assert not isinstance(check("--bind", address).exception, ValueError | OverflowError)


def test_settings_are_listed_with_default_and_meaning() -> None:
    """The list has every setting, and none of the values that are set now."""
    result = CliRunner().invoke(main, ["settings"], env={"MPKIT_TOKEN": "hidden-token"})
    assert result.exit_code == 0
    assert "HOST (default: 127.0.0.1)\n    address to listen on (gunicorn)\n" in result.output
    assert "MPKIT_TOKEN (default: none)\n    that environment's token\n" in result.output
    assert [line.split()[0] for line in result.output.splitlines() if not line.startswith(" ")] == [
        setting.variable for setting in SETTINGS
    ]
    assert "hidden-token" not in result.output


def test_the_version_is_told() -> None:
    """`poslogs --version` prints it."""
    assert CliRunner().invoke(main, ["--version"]).output == f"poslogs, version {__version__}\n"


def test_own_tokens_beside_published_ones_serve_every_address(folder: Path) -> None:
    """The published tokens open nothing there, so they are not a reason to refuse a start."""
    (folder / "clients.json").write_text(json.dumps({**PUBLISHED, **OWN}))
    assert check("--no-port-check", "--bind", "0.0.0.0:3030").output == ""


def test_short_tokens_are_refused_off_loopback_and_warned_about_on_it(folder: Path) -> None:
    """A short token has fewer than 16 characters. The length of one given by its hash is unknown."""
    (folder / "clients.json").write_text(json.dumps({"brief": {"token": "fifteen-letters"}}))
    sentence = refusal("--no-port-check", "--bind", "0.0.0.0:3030")
    assert sentence.startswith("the token of client brief in clients.json has fewer than 16 characters, and 0.0.0.0 is")
    result = check("--no-port-check")
    assert result.exit_code == 0
    assert result.stderr == (
        "The token of client brief in clients.json has fewer than 16 characters and can be guessed; "
        "`python -m poslogs token new NAME` makes a long one.\n"
    )
    (folder / "clients.json").write_text(json.dumps({"brief": {"token": "sixteen-letters."}}))
    assert check("--no-port-check", "--bind", "0.0.0.0:3030").output == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_token_in_a_file_that_others_may_read_is_warned_about(folder: Path, mode: int) -> None:
    """The check warns and says what to do. It does not warn about a digest or a published token."""
    told = "Other accounts of this machine may read clients.json, and the token of client mine is in it; run `chmod"
    (folder / "clients.json").chmod(mode)
    assert check("--no-port-check").stderr.startswith(told)
    for harmless in ({"mine": {"token_sha256": "0" * 64}}, PUBLISHED):
        (folder / "clients.json").write_text(json.dumps(harmless))
        assert check("--no-port-check").stderr == ""


def test_an_environment_that_is_misspelt_is_warned_about_with_the_near_name(folder: Path) -> None:
    """With `prod` for `production` the client would read nothing, and nobody would know why."""
    (folder / "clients.json").write_text(json.dumps({"ci": {"token_sha256": "0" * 64, "envs": ["prod", "elsewhere"]}}))
    told = "Client ci in clients.json may read prod, which is not an environment here; is production meant?\n"
    assert check("--no-port-check").stderr == told
