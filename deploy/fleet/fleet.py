"""A fleet on this machine: a Redis, three poslogs on demo data, and nginx in front. `make fleet` runs it.

It keeps nothing: all is in a folder that is removed at its end, which is Ctrl-C. It listens at PORT (3030), and poslogs
at the three ports after that. With POSLOGS_REDIS_URL it uses that Redis, and starts none.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NGINX_CONF = ROOT / "deploy" / "nginx" / "poslogs-fleet.conf"
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")  # where servers are, though not on all PATHs
SIZE = 3
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOG_LINES = 20  # of a program that has ended, which are shown
WANTED = {
    "redis": (
        ("redis-server", "valkey-server"),
        "A fleet needs a Redis, and none is installed: `apt-get install redis-server`, `dnf install valkey` or "
        "`brew install redis`. Or name one that runs: POSLOGS_REDIS_URL=redis://HOST:6379/0 make fleet",
    ),
    "nginx": (("nginx",), "nginx, which stands in front, is not installed: `apt-get install nginx` or its like."),
}
OURS = ("POSLOGS_", "MPKIT_", "GUNICORN_", "CONFIG_FILE_PATH", "HOST", "PORT", "WEB_CONCURRENCY")


def main() -> int:
    """Run it until it is interrupted; the status is 1 when something is missing or has ended by itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    front = int(os.environ.get("PORT") or 3030)
    given = os.environ.get("POSLOGS_REDIS_URL")
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleet-")))
            (folder / "redis").mkdir()
            token = _token(folder / "clients.json")
            ports = [_free(front + number) for number in range(1, SIZE + 1)]
            programs: dict[str, subprocess.Popen[bytes]] = {}
            redis_url = given
            if given is None:
                port = _free(6379)
                redis_url = f"redis://127.0.0.1:{port}/0"
                programs["redis"] = _run(stack, folder, "redis", _redis(folder / "redis", port), {})
            for number, port in enumerate(ports, 1):
                env = {"POSLOGS_REDIS_URL": str(redis_url), "POSLOGS_PROXY_HOPS": "1", "PYTHONPATH": str(ROOT)}
                programs[f"poslogs {number}"] = _run(stack, folder, f"poslogs {number}", _poslogs(port), env)
            programs["nginx"] = _run(stack, folder, "nginx", _nginx(folder, front, ports), {})
            for port in (*ports, front):
                _wait_live(f"http://127.0.0.1:{port}/livez", programs, folder)
            print(_told(front, ports, token, given, programs), flush=True)
            while True:
                time.sleep(0.5)
                _all_run(programs, folder)
    except _Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


class _Missing(Exception):
    """A program is not there, or has ended; the message says which."""


def _program(what: str) -> str:
    """The path of one of the programs."""
    names, missing = WANTED[what]
    folders = os.pathsep.join([os.environ.get("PATH", ""), *MORE_FOLDERS])
    found = next((path for name in names if (path := shutil.which(name, path=folders))), None)
    if found is None:
        raise _Missing(missing)
    return found


def _token(clients: Path) -> str:
    """The token of this run, which the file has: those that are published with poslogs open nothing through a proxy."""
    token = secrets.token_urlsafe(18)
    clients.touch(mode=0o600)
    clients.write_text(json.dumps({"fleet": {"token": token, "name": "The fleet's demo"}}))
    return token


def _redis(folder: Path, port: int) -> Sequence[str]:
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "no"}
    return [_program("redis"), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]


def _poslogs(port: int) -> Sequence[str]:
    config = str(ROOT / "gunicorn.conf.py")
    return [sys.executable, "-m", "gunicorn", "-c", config, "-b", f"127.0.0.1:{port}", "wsgi:app"]


def _nginx(folder: Path, front: int, ports: Sequence[int]) -> Sequence[str]:
    """nginx with the file of deploy/, but for its addresses, its name and TLS."""
    text = NGINX_CONF.read_text(encoding="utf-8")
    changes = {
        "  listen [::]:443 ssl http2;\n": "",
        "  ssl_certificate /etc/ssl/poslogs/fullchain.pem;\n": "",
        "  ssl_certificate_key /etc/ssl/poslogs/privkey.pem;\n": "",
        "listen 443 ssl http2; #": f"listen 127.0.0.1:{front}; #",
        "listen 80;": f"listen 127.0.0.1:{_free(front + SIZE + 1)};",
        "  listen [::]:80;\n": "",
        "server_name logs.example.com;": "server_name localhost 127.0.0.1;",
        **{f"127.0.0.1:{3030 + number} ": f"127.0.0.1:{port} " for number, port in enumerate(ports, 1)},
    }
    for old, new in changes.items():
        if old not in text:
            raise _Missing(f"{NGINX_CONF.name} lacks {old.strip()!r}, which is replaced here.")
        text = text.replace(old, new)
    (folder / NGINX_CONF.name).write_text(text, encoding="utf-8")
    temp = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers could not enter the folder
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; worker_processes 1; {user} events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; {temp} include {folder}/{NGINX_CONF.name}; }}\n"
    )
    return [_program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _run(
    stack: ExitStack, folder: Path, name: str, command: Sequence[str], env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a program, which ends with `stack`; what it writes is in a file of the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this script, which ends them in their order
        )
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        process.terminate()
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # its session is its own: nothing else is hit
    process.wait(STOP_SECONDS)


def _wait_live(url: str, programs: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        _all_run(programs, folder)
        with suppress(OSError), opener.open(url, timeout=2):
            return
        time.sleep(0.1)
    raise _Missing(f"{url} did not answer within {START_SECONDS:g} s.")


def _all_run(programs: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
    for name, process in programs.items():
        if process.poll() is not None:
            lines = (folder / f"{name}.log").read_text(errors="replace").splitlines()[-LOG_LINES:]
            raise _Missing("\n".join([f"{name} has ended with {process.returncode}:", *lines]))


def _free(port: int) -> int:
    """This port of 127.0.0.1, or another one if somebody has it."""
    for wanted in (port, 0):
        with socket.socket() as sock, suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", wanted))
            found: int = sock.getsockname()[1]
            return found
    raise _Missing("No port is free.")


def _told(
    front: int, ports: Sequence[int], token: str, given: str | None, programs: Mapping[str, subprocess.Popen[bytes]]
) -> str:
    """What is there, and what to paste."""
    headers = f'-H "Authorization: Bearer {token}"'
    masters = " ".join(str(process.pid) for name, process in programs.items() if name.startswith("poslogs"))
    redis = "yours, POSLOGS_REDIS_URL" if given else f"process {programs['redis'].pid}; it keeps nothing"
    return "\n".join(
        [
            f"A fleet of {SIZE} poslogs at http://127.0.0.1:{front}/, on demo data. Ctrl-C stops all.",
            f"  poslogs  at {', '.join(f'127.0.0.1:{port}' for port in ports)}; processes {masters}",
            f"  redis    {redis}",
            f"  nginx    process {programs['nginx'].pid}; it hands each stream to the poslogs that has fewest",
            "Paste this into another shell to see the log arrive:",
            f"  curl -N -X POST http://127.0.0.1:{front}/call-stream \\",
            f'    {headers} -H "Content-Type: application/json" \\',
            '    -d \'{"tool":"platformos.logs.stream","input":{"env":"staging"}}\'',
            "How the fleet is:",
            f"  curl -s {headers} http://127.0.0.1:{front}/health",
            *(
                []
                if given
                else [
                    "Take Redis away for ten seconds, and see that the stream goes on:",
                    f"  kill -STOP {programs['redis'].pid}; sleep 10; kill -CONT {programs['redis'].pid}",
                ]
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
