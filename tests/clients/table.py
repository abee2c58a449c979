"""The clients that the tests follow logs with: each a small program as people write it, with its default headers.

A program is given the server's address, the environment and, to resume, the id of its last entry. It prints the id
and the message of each entry.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from tests.support.install import Cache, CannotInstall
from tests.support.need import missing, need
from tests.support.program import Program
from tests.support.reader import TOKEN
from tests.support.site import served

HERE = Path(__file__).resolve().parent
CACHE = Cache.of("clients")
CHECK_TIMEOUT_S = 60
CHROMIUM = [  # without these it asks its makers for news, or waits for a person
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--remote-debugging-port=0",
]


@dataclass(frozen=True, slots=True)
class Client:
    """One program of the folder `programs`, and what runs it; `name` is what docs/guide.md calls it."""

    name: str
    program: str
    interpreter: Callable[[], str]

    @contextmanager
    def follow(self, folder: Path, url: str, env: str, last_id: str = "") -> Iterator[Program]:
        """The program while it runs, in a folder of its own. Ends the test where something is missing."""
        interpreter = self.interpreter()
        folder.mkdir()
        script = Path(shutil.copy(HERE / "programs" / self.program, folder))
        if script.suffix in (".mjs", ".html"):
            (folder / "node_modules").symlink_to(_modules())
        if script.suffix == ".html":
            with served(folder, "localhost") as origin:
                page = f"{origin}/{script.name}#{url},{TOKEN},{env},{last_id}"
                with Program(
                    [interpreter, *CHROMIUM, f"--user-data-dir={folder / 'profile'}", page], folder
                ) as program:
                    yield program
        else:
            command = [interpreter, str(script), url, env, *([last_id] if last_id else [])]
            with Program(command, folder, {"CLIENT_SECRET": TOKEN}) as program:
                yield program


def _python(module: str) -> str:
    need(module)
    return sys.executable


@cache
def _has(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=CHECK_TIMEOUT_S).returncode == 0


def _php_with_curl() -> str:
    if not _has(need("php"), "-r", "exit(extension_loaded('curl') ? 0 : 1);"):
        missing("PHP has no curl: install the system package php-curl")
    return need("php")


def _php_with_guzzle() -> str:
    if not _has(need("php"), "-r", "exit((@include 'GuzzleHttp/autoload.php') ? 0 : 1);"):
        missing("PHP has no Guzzle: install the system package php-guzzlehttp-guzzle")
    return need("php")


def _perl_with_lwp() -> str:
    if not _has(need("perl"), "-MLWP::UserAgent", "-e", "1"):
        missing("Perl has no LWP: install the system package libwww-perl")
    return need("perl")


CLIENTS = {
    client.program.partition(".")[0].replace("_", "-"): client
    for client in (
        Client("Ruby's Net::HTTP", "net_http.rb", partial(need, "ruby")),
        Client("PHP's curl", "curl.php", _php_with_curl),
        Client("PHP's `fopen`", "fopen.php", partial(need, "php")),
        Client("Guzzle, with `stream`", "guzzle.php", _php_with_guzzle),
        Client("Perl's LWP", "lwp.pl", _perl_with_lwp),
        Client("Perl's HTTP::Tiny", "http_tiny.pl", partial(need, "perl")),
        Client("aiohttp", "aiohttp_lines.py", partial(_python, "aiohttp")),
        Client("httpx with httpx-sse", "httpx_events.py", partial(_python, "httpx_sse")),
        Client("requests, `iter_lines`", "requests_lines.py", partial(_python, "requests")),
        Client("eventsource, in Node", "eventsource.mjs", partial(need, "node")),
        Client("fetch-event-source, in a browser", "fetch_event_source.html", partial(need, "headless")),
    )
}


def _modules() -> Path:
    try:
        return CACHE.node(HERE) / "node_modules"
    except CannotInstall as reason:
        missing(str(reason))
