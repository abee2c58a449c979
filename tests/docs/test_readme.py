"""README.md: its commands about tokens do what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from poslogs.access.clients import Clients
from tests.support.need import need, repo

TEXT = (repo() / "README.md").read_text(encoding="utf-8")
TOKEN = "a-token-of-my-own"


def test_the_line_for_a_digest_gives_what_is_taken(tmp_path: Path) -> None:
    """The line, pasted unchanged, prints 64 digits and nothing else."""
    (line,) = re.findall(r"`token_sha256`: `(printf %s \"\$TOKEN\" \|[^`]+)` prints it", TEXT)
    env = {"PATH": "/usr/bin:/bin", "TOKEN": TOKEN}
    made = subprocess.run([need("bash"), "-c", line], env=env, capture_output=True, text=True, check=True).stdout
    path = tmp_path / "clients.json"
    path.write_text(f'{{"mine": {{"token_sha256": "{made.strip()}"}}}}')
    assert Clients(path).holder(TOKEN.encode()) is not None


def test_the_commands_for_tokens_work_in_their_order(tmp_path: Path) -> None:
    """With the shipped clients and the demo each command ends with 0, and what is revoked is gone."""
    (tmp_path / "clients.json").write_text((repo() / "clients.json").read_text())
    commands = [
        shlex.split(line, comments=True) for line in re.findall(r"^\S*python -m poslogs token .+$", TEXT, re.MULTILINE)
    ]
    assert [words[4] for words in commands] == ["new", "new", "list", "revoke"]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(repo())}
    told = []
    for _, *words in commands:
        ended = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
        )
        assert ended.returncode == 0, ended.stderr
        told.append(ended.stdout)
    assert "alice: all environments\non-call: production\n" in told[2]
    assert [client.id for client in Clients(tmp_path / "clients.json").all().values()] == [
        "default",
        "guide",
        "on-call",
    ]
