"""Where things are: this checkout, the compiled helpers, the peers that are installed, programs of the system."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "bench"
BUILD = HERE / "build"
PICTURE = ROOT / "docs" / "performance.svg"
HELPERS = ("upstream", "sseload", "push")
NCHAN_MODULE = "nginx/modules/ngx_nchan_module.so"
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # where servers are, though not on everyone's PATH


def program(name: str) -> str | None:
    """The path of a program of the system; None when it is not installed."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *MORE_FOLDERS]))


def redis_server() -> str | None:
    """The path of redis-server or valkey-server; None when neither is installed."""
    return program("redis-server") or program("valkey-server")


def nchan_module() -> Path | None:
    """nginx's module as Debian and its like install it; None when it is not there."""
    folders = ("/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/lib")
    return next((path for folder in folders if (path := Path(folder) / NCHAN_MODULE).exists()), None)


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of one session."""

    project: Path = ROOT  # the checkout that is measured
    helpers: Path = BUILD  # upstream, sseload and push, compiled
    peers: Path = BUILD / "peers"  # what `make bench-peers` has installed
    runs: Path | None = None  # where each run makes its folder; None: where the system has such folders

    def helper(self, name: str) -> str:
        """The path of a compiled helper."""
        return str(self.helpers / name)

    def unbuilt(self) -> list[str]:
        """Helpers that are not compiled yet."""
        return [name for name in HELPERS if not os.access(self.helpers / name, os.X_OK)]
