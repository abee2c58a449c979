"""The container's image, built by buildah from the Dockerfile as it stands, on a base that is made from this machine.

No registry is asked for the base: it has this Python in /usr/local, as the one that the Dockerfile names has, a shell,
and the libraries of both. Nor is a registry asked inside: packages come from a folder, which pip fills beforehand.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tests.support.need import need, repo

LEFT_OUT = ("test", "tests", "idlelib", "tkinter", "turtledemo", "site-packages", "dist-packages", "__pycache__", "*.a")
FOLDERS = ("tmp", "proc", "dev", "etc", "root")
PIP = "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n"
VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib"}
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
WAIT_S = 400


class Image:
    """The image: its file system at `root`, its `config` as Docker has it. A context manager, which removes it."""

    root: Path
    config: dict[str, Any]

    def __init__(self, folder: Path, dockerfile: str) -> None:
        self.folder = folder
        self._dockerfile = dockerfile
        self._store = [need("buildah"), "--root", f"{folder}/store", "--runroot", f"{folder}/run"]
        self._store += ["--storage-driver", "vfs"]

    def __enter__(self) -> Image:
        try:
            self._make_base()
            wheels = self._wheels()
            build = ["build", "--isolation", "chroot", "--format", "docker", "--pull-never", "-t", "poslogs"]
            self._buildah(*build, "--volume", f"{wheels}:/wheels:ro", "-f", self._dockerfile, str(repo()))
            self.config = json.loads(self._buildah("inspect", "--type", "image", "poslogs"))["Docker"]["config"]
            self.root = Path(self._buildah("mount", self._buildah("from", "--pull-never", "poslogs")))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._buildah("rm", "--all")
        shutil.rmtree(self.folder)  # some hundred megabytes

    def _make_base(self) -> None:
        """Put what the Dockerfile calls its base into the store."""
        (name,) = set(re.findall(r"^FROM (\S+)", (repo() / self._dockerfile).read_text(), re.MULTILINE))
        base = self.folder / "base"
        copy_python(base)
        (base / "etc" / "pip.conf").write_text(PIP)
        (base / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        made = self._buildah("from", "scratch")
        self._buildah("copy", "-q", made, str(base), "/")
        self._buildah("config", *(f"--env={key}={value}" for key, value in VARIABLES.items()), made)
        self._buildah("commit", "-q", "--format", "docker", made, f"docker.io/library/{name}")
        self._buildah("rm", made)
        shutil.rmtree(base)

    def _wheels(self) -> Path:
        """A folder with all packages that the build needs."""
        wheels = self.folder / "wheels"
        (builds,) = re.findall(r"^hatchling==.*", (repo() / "requirements-dev.txt").read_text(), re.MULTILINE)
        for wanted in (["--no-deps", "--require-hashes", "-r", str(repo() / "requirements.lock")], [builds]):
            argv = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "-d", str(wheels)]
            run([*argv, *wanted])
        return wheels

    def _buildah(self, *args: str) -> str:
        return run([*self._store, *args])


def run(argv: list[str]) -> str:
    """What a command prints. AssertionError with what it complains of when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, f"{argv}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


def copy_python(base: Path) -> None:
    """Make a file system in which this Python and a shell run."""
    home, local = Path(sys.base_prefix), base / "usr" / "local"
    left_out = shutil.ignore_patterns(*LEFT_OUT, "config-*")
    shutil.copytree(home / "lib" / VERSION, local / "lib" / VERSION, ignore=left_out, symlinks=True)
    for folder in (*FOLDERS, "bin", "usr/local/bin"):
        (base / folder).mkdir(exist_ok=True)
    (base / "tmp").chmod(0o1777)
    shutil.copy(home / "bin" / VERSION, local / "bin" / "python")
    shutil.copy("/bin/sh", base / "bin" / "sh")
    if wheels := sysconfig.get_config_var("WHEEL_PKG_DIR"):  # Debian has those of ensurepip beside it
        shutil.copytree(wheels, base / wheels.lstrip("/"))
    for library in (home / "lib").glob("libpython*.so*"):
        shutil.copy(library, local / "lib" / library.name)
    for path in libraries(home):
        (base / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, base / path.lstrip("/"))


def libraries(home: Path) -> set[str]:
    """The libraries of the system that a Python, its modules, the packages of poslogs and the shell need."""
    modules = [
        *(home / "lib" / VERSION / "lib-dynload").glob("*.so"),
        *Path(sysconfig.get_path("platlib")).rglob("*.so"),
    ]
    programs = [home / "bin" / VERSION, Path("/bin/sh"), *modules]
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, timeout=WAIT_S).stdout
    found = set(re.findall(r"(?:=> |^\t)(/\S+)", told, re.MULTILINE))
    return {path for path in found if not path.startswith((f"{home}/lib/", sys.prefix))}
