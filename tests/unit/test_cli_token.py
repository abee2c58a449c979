"""What the command `token` promises: one client more or fewer in the file, all else kept, the token shown once."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poslogs.access import clients_file
from poslogs.access.clients import Clients
from poslogs.cli import main
from poslogs.settings import SETTINGS
from tests.support.need import repo

OTHERS = {
    "default": {"token": "your-token", "name": "Zoë ☃"},
    "alice": {"token_sha256": "0" * 64, "envs": ["production"], "limits": {"requests": "5 per second", "streams": 3}},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two clients and a `.pos`, and no variables."""
    monkeypatch.chdir(tmp_path)
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    (tmp_path / "clients.json").write_text(json.dumps(OTHERS), encoding="utf-8")
    site = {"url": "https://example.com", "email": "dev@example.com", "token": "pos-token"}
    (tmp_path / ".pos").write_text(json.dumps({"staging": site, "production": site}))
    return tmp_path


def token(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["token", *arguments])


def refusal(*arguments: str) -> str:
    """The one sentence of a command that fails; the file is as it was."""
    before = Path("clients.json").read_bytes() if Path("clients.json").exists() else b""
    result = token(*arguments)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    begin, _, sentence = result.stderr.partition("poslogs token: ")
    assert (begin, sentence.count("\n")) == ("", 1), result.stderr
    assert (Path("clients.json").read_bytes() if Path("clients.json").exists() else b"") == before
    return sentence.strip()


def in_file(name: str = "clients.json") -> dict[str, object]:
    found = json.loads(Path(name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_a_token_is_made_and_shown_once(folder: Path) -> None:
    """It is alone on stdout. The file keeps what it had, and gets the digest."""
    result = token("new", "bob")
    assert result.exit_code == 0, result.output
    made = result.stdout.removesuffix("\n")
    assert re.fullmatch(r"[\w-]{43}", made)
    assert made not in result.stderr
    assert result.stderr == "bob may read all environments. Keep the token: clients.json holds only its digest.\n"
    assert in_file() == {**OTHERS, "bob": {"token_sha256": sha256(made.encode()).hexdigest()}}
    assert list(in_file()) == [*OTHERS, "bob"]
    holder = Clients(Path("clients.json")).holder(made.encode())
    assert holder is not None
    assert holder.id == "bob"
    assert token("new", "carol").stdout.strip() != made


def test_a_token_may_be_for_some_environments(folder: Path) -> None:
    """Each named environment is listed once."""
    result = token("new", "bob", "--env", "staging", "--env", "production", "--env", "staging")
    assert result.exit_code == 0, result.output
    bob = in_file()["bob"]
    assert isinstance(bob, dict)
    assert bob["envs"] == ["staging", "production"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["new", "alice"], "client alice is in clients.json already; take another name, or revoke that one first."),
        (["new", ""], "the name of a client must have 1 to 100 printable characters."),
        (["new", "a\x1b[2J"], "the name of a client must have 1 to 100 printable characters."),
        (["new", "x" * 101], "the name of a client must have 1 to 100 printable characters."),
        (["new", "bob", "--env", "prod"], "there is no environment prod; is production meant?"),
        (["new", "bob", "--env", "qqq"], "there is no environment qqq; there are staging, production."),
        (["revoke", "bob"], "there is no client bob in clients.json; there are default, alice."),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(folder: Path, arguments: list[str], sentence: str) -> None:
    """It prints one sentence and exits with 1."""
    assert refusal(*arguments) == sentence


def test_a_file_that_no_server_would_take_is_not_written_to(folder: Path) -> None:
    """Its fault is named as when a server starts."""
    Path("clients.json").write_text('{"a": {"token": 7}}')
    assert refusal("new", "bob").startswith("clients.json: the token of client a must be")
    Path("clients.json").write_text("{")
    assert refusal("revoke", "a").startswith("clients.json is not valid JSON")


def test_the_list_has_names_and_environments_and_no_token(folder: Path) -> None:
    """A published token is said to open the demo only; a digest is not shown either."""
    assert token("new", "bob").exit_code == 0
    result = token("list")
    assert result.output == (
        "default: the demo only, as its token is published\nalice: production\nbob: all environments\n"
    )


def test_a_revoked_client_is_gone_and_the_last_one_stays(folder: Path) -> None:
    """A server needs at least one client."""
    assert token("revoke", "default").stderr == "default is no longer in clients.json.\n"
    assert in_file() == {"alice": OTHERS["alice"]}
    assert refusal("revoke", "alice") == (
        "client alice is the only one in clients.json, and a server needs one; make another first."
    )


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_the_file_is_its_owner_s_alone_and_nothing_is_left_beside_it(folder: Path, mode: int) -> None:
    """Its mode becomes 0600 from any other, in one step: a new inode, and no temporary file left."""
    Path("clients.json").chmod(mode)
    before = Path("clients.json").stat()
    assert token("new", "bob").exit_code == 0
    after = Path("clients.json").stat()
    assert stat.S_IMODE(after.st_mode) == 0o600
    assert after.st_ino != before.st_ino
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert sorted(path.name for path in folder.iterdir()) == [".pos", "clients.json"]


def test_a_link_stays_a_link(folder: Path) -> None:
    """The file that the link leads to is written."""
    real = folder / "secrets" / "who.json"
    real.parent.mkdir()
    Path("clients.json").rename(real)
    Path("clients.json").symlink_to(real)
    assert token("new", "bob").exit_code == 0
    assert Path("clients.json").is_symlink()
    assert "bob" in in_file(str(real))


def test_the_file_of_the_setting_is_written_and_made_where_it_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """POSLOGS_CLIENTS_FILE names the file. If its folder does not exist, the refusal says so."""
    monkeypatch.setenv("POSLOGS_CLIENTS_FILE", "own.json")
    assert token("new", "bob").exit_code == 0
    assert list(in_file("own.json")) == ["bob"]
    assert stat.S_IMODE(Path("own.json").stat().st_mode) == 0o600
    monkeypatch.setenv("POSLOGS_CLIENTS_FILE", "nowhere/own.json")
    assert refusal("new", "carol") == "nowhere/own.json cannot be written (no such file or directory)."


def test_a_write_that_fails_leaves_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the folder is read-only or the disk full, no half file is left."""
    limits = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limits += "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); from poslogs.cli import main; main()"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(repo()), "PYTHONDONTWRITEBYTECODE": "1"}
    before = Path("clients.json").read_bytes()
    command = [sys.executable, "-c", limits, "token", "new", "bob"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr == "poslogs token: clients.json cannot be written (file too large).\n"
    assert Path("clients.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [".pos", "clients.json"]


def test_commands_at_once_lose_nothing(folder: Path) -> None:
    """Eight tokens made together are eight clients."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(repo())}
    commands = [[sys.executable, "-m", "poslogs", "token", "new", f"client-{number}"] for number in range(8)]
    running = [subprocess.Popen(each, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for each in commands]
    made = [each.communicate(timeout=60)[0] for each in running]
    assert len(set(made)) == 8
    assert set(in_file()) == {*OTHERS, *(f"client-{number}" for number in range(8))}


def test_a_folder_that_is_held_is_told(folder: Path) -> None:
    """Another command holds it and does not end. This one gives up after some seconds."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refusal("new", "bob") == f"another command holds {folder}; try again when it has ended."
    finally:
        os.close(held)


def test_the_help_says_which_file_is_meant() -> None:
    """It names the file that comes with poslogs, too."""
    text = " ".join(token("--help").output.split())
    assert "POSLOGS_CLIENTS_FILE names, else clients.json in this folder, else the one that comes with poslogs" in text
    assert "The tokens that came with poslogs open the demo only" in text


def test_a_file_that_is_made_belongs_to_the_account_of_its_folder(tmp_path: Path) -> None:
    """Root may make one for a server that runs as another account, which must be able to read it."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(tmp_path, 12345, 23456)
    clients_file.add(tmp_path / "clients.json", "alice", "a-token-that-alice-has")
    made = (tmp_path / "clients.json").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (12345, 23456, 0o600)
