"""The files of deploy/ as a test starts them: unchanged but for addresses, folders and the size of the machine."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.need import missing, need, repo

DEPLOY = repo() / "deploy"
APACHE_MODULES = Path("/usr/lib/apache2/modules")
PACKAGES = {  # that bring modules which apache2 itself lacks
    "wsgi": "libapache2-mod-wsgi-py3",
    "fcgid": "libapache2-mod-fcgid",
    "passenger": "libapache2-mod-passenger",
}
# What Debian's Apache says of Passenger, but for its folder and what it would ask of its makers.
PASSENGER = """
PassengerRoot /usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini
PassengerDefaultRuby /usr/bin/ruby
PassengerInstanceRegistryDir {folder}
PassengerUserSwitching Off
PassengerDisableSecurityUpdateCheck On
PassengerDisableAnonymousTelemetry On
"""
# What a test changes in a file: the address of poslogs and the folders that an installation has.
POSLOGS = "127.0.0.1:3030"
HOME = "/var/lib/poslogs"
ROOT = os.geteuid() == 0


def adapted(name: str, folder: Path, changes: Mapping[str, str]) -> Path:
    """A file of deploy/ in `folder`, with each of these texts replaced wherever it is; it must be there."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{name} lacks {old!r}"
        text = text.replace(old, new)
    path = folder / Path(name).name
    path.write_text(text, encoding="utf-8")
    return path


def command(name: str, changes: Mapping[str, str]) -> list[str]:
    """The arguments of a command of docs/hosts.md, the first line of a block that begins with `name`."""
    lines = (repo() / "docs" / "hosts.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    for old, new in changes.items():
        assert old in line, f"{line!r} lacks {old!r}"
        line = line.replace(old, new)
    return line.split()[1:]


def program(path: Path, *argv: str) -> Path:
    """A program that runs another one, which finds poslogs as if it were installed."""
    path.write_text(f'#!/bin/sh\nPYTHONPATH={packages()} exec {shlex.join(argv)} "$@"\n')
    path.chmod(0o755)
    return path


def nginx(folder: Path, port: int, server: str, http: str = "") -> Sequence[str]:
    """The command of an nginx that listens at `port`, with one text in its server block and one beside that."""
    user = "user root;" if ROOT else ""  # else its workers could not enter the folder
    temp = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = (
        f"daemon off; pid {folder}/nginx.pid; worker_processes 1; {user} events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; {temp}\n{http}\nserver {{ listen 127.0.0.1:{port};\n{server}\n}} }}\n"
    )
    (folder / "nginx.conf").write_text(text)
    return [need("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def apache(folder: Path, port: int, include: Path, *modules: str, more: str = "") -> Sequence[str]:
    """The command of an Apache that listens at `port`, with these modules beside its usual ones, and this file.

    `more` is what else its own configuration says.
    """
    program = need("apache2")
    for name in modules:
        if not (APACHE_MODULES / f"mod_{name}.so").exists():
            missing(f"Apache has no mod_{name}: install the system package {PACKAGES.get(name, 'apache2')}")
    loaded = ("mpm_event", "authz_core", "alias", *modules)
    lines = [
        f"ServerRoot {folder}",
        f"DefaultRuntimeDir {folder}",
        f"PidFile {folder}/apache.pid",
        f"Listen 127.0.0.1:{port}",
        "ServerName localhost",
        "ErrorLog /dev/stderr",
        *(["User www-data", "Group www-data"] if ROOT else []),
        *(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in loaded),
        more,
        f"Include {include}",
    ]
    (folder / "apache.conf").write_text("\n".join(lines) + "\n")
    # Started by root it becomes another user, who could not enter the folders of tests: it keeps root's right to, and
    # so do the programs that it starts.
    rights = "+dac_override,+dac_read_search"
    keeping = [need("setpriv"), "--securebits", "+no_setuid_fixup", "--inh-caps", rights, "--ambient-caps", rights]
    keeping = keeping if ROOT else []
    return [*keeping, program, "-f", str(folder / "apache.conf"), "-DFOREGROUND"]


def same_python(module: Path) -> None:
    """Skip where mod_wsgi was built with another Python than this environment's: it could not load its modules."""
    mine = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so"
    if module.exists() and mine.encode() not in module.read_bytes():
        missing(f"mod_wsgi here is not of {mine}, the Python that runs these tests")


def packages() -> str:
    """The path on which a Python of the system finds poslogs and what it imports."""
    return f"{repo()}:{sysconfig.get_path('purelib')}"
