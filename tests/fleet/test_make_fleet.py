"""`make fleet`: the quickest look at a fleet does what it prints, and leaves nothing."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.following import gone
from tests.fleet.fleet import kill
from tests.support.need import need, repo
from tests.support.program import Program
from tests.support.server import free_port
from tests.wire.exchange import wait_for

FLEET = [sys.executable, str(repo() / "deploy" / "fleet" / "fleet.py")]
START_S = 90.0


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def pasted(text: str, part: str) -> list[str]:
    """The printed command that begins with `part`, as words."""
    (found,) = re.findall(rf"^  ({re.escape(part)}(?:.*\\\n)*.*)$", text, re.MULTILINE)
    return shlex.split(found.replace("\\\n", " "))


def test_what_it_prints_works_and_ctrl_c_stops_all(tmp_path: Path) -> None:
    """The log arrives through nginx, goes on as one poslogs is killed, and nothing runs afterwards."""
    need("redis-server"), need("nginx"), need("curl")
    port = free_port()
    with Program(FLEET, tmp_path, {"PORT": str(port)}) as fleet:
        fleet.wait_line("kill -STOP", START_S)
        text = fleet.out.text
        assert f"A fleet of 3 poslogs at http://127.0.0.1:{port}/, on demo data." in text
        masters = [int(pid) for pid in re.search(r"; processes ([\d ]+)$", text, re.MULTILINE)[1].split()]  # type: ignore[index]
        (folder,) = {os.readlink(f"/proc/{pid}/cwd") for pid in masters}
        running = [*children(fleet.process.pid), *(worker for master in masters for worker in children(master))]
        assert len(running) == 5 + 3
        with Program(pasted(text, "curl -N"), tmp_path) as curl:
            curl.wait_line("id: ", 60)
            health = subprocess.run(pasted(text, "curl -s"), capture_output=True, text=True, timeout=30, check=True)
            assert '"engine"' in health.stdout
            kill(children(masters[0])[0])
            with Program(pasted(text, "curl -N"), tmp_path) as another:
                another.wait_line("id: ", 60)
        fleet.process.send_signal(signal.SIGINT)
        assert fleet.wait_exit(60) == 0
        assert fleet.lines[-1] == "Stopped."
        wait_for(lambda: all(gone(pid) for pid in running), 20)
        assert not Path(folder).exists()


def test_without_a_redis_it_says_how_to_get_one(tmp_path: Path) -> None:
    """In one sentence, with status 1."""
    (tmp_path / "python").symlink_to(sys.executable)
    with Program(FLEET, tmp_path, {"PATH": str(tmp_path), "PORT": str(free_port())}) as fleet:
        if Path("/usr/sbin/redis-server").exists() or Path("/usr/local/sbin/redis-server").exists():
            return  # it is found beside PATH too
        assert fleet.wait_exit(60) == 1
        (line,) = fleet.lines
        assert line.startswith("A fleet needs a Redis, and none is installed: `apt-get install redis-server`")
