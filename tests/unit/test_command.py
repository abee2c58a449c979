"""What `poslogs serve` becomes: gunicorn, with our configuration where gunicorn would find no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poslogs.servers.command import command

OURS = Path("/opt/poslogs/gunicorn.conf.py")
BEGIN = [sys.executable, "-m", "gunicorn", "poslogs.wsgi:app"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no options from elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    return tmp_path


def test_our_configuration_is_named_where_there_is_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options come after it, unchanged, and so win over it. gunicorn reads its variable by itself."""
    assert command([], OURS) == [*BEGIN, "--config", str(OURS)]
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--threads 8")
    options = ["-k", "gthread", "--bind", "unix:a b.sock", "--proxy-protocol"]
    assert command(options, OURS) == [*BEGIN, "--config", str(OURS), *options]


@pytest.mark.parametrize(
    "options", [["-c", "mine.py"], ["-cmine.py"], ["--config=mine.py"], ["--config", "python:mine"]]
)
def test_a_configuration_that_is_named_takes_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """It may be named by an option, in any spelling, or in gunicorn's own variable."""
    assert command(options, OURS) == [*BEGIN, *options]
    monkeypatch.setenv("GUNICORN_CMD_ARGS", " ".join(options))
    assert command([], OURS) == BEGIN


def test_the_folder_s_own_configuration_takes_its_place(folder: Path) -> None:
    """gunicorn finds it by itself."""
    (folder / "gunicorn.conf.py").write_text("workers = 1\n")
    assert command(["-k", "gthread"], OURS) == [*BEGIN, "-k", "gthread"]


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["--bind"], 2, "expected one argument"),
        (["other:app"], 2, "it serves poslogs alone; leave out other:app"),
        (["-h"], 0, "--worker-connections"),
        (["-h"], 0, "without -k it has a worker of"),
    ],
)
def test_what_gunicorn_does_not_take_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], options: list[str], status: int, told: str
) -> None:
    """It is refused before anything starts. gunicorn's help is shown under our name."""
    with pytest.raises(SystemExit) as ended:
        command(options, OURS)
    assert ended.value.code == status
    written = capsys.readouterr()
    assert "usage: poslogs serve [OPTIONS]\n" in written.out + written.err
    assert told in written.out + written.err
