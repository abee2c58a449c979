"""What a test needs beyond Python: here and now, or the test is skipped; under CI it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PROGRAMS = {  # program: the names it goes by, the package that brings it
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "headless": (("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"), "chromium"),
    "firefox": (("firefox-esr", "firefox"), "firefox-esr"),
    "node": (("node", "nodejs"), "nodejs, 20 or later"),
    "npm": (("npm",), "npm"),
    "redis-server": (("redis-server",), "redis-server"),
    "redis-cli": (("redis-cli",), "redis-tools"),
    "nginx": (("nginx",), "nginx"),
    "curl": (("curl",), "curl"),
    "bash": (("bash",), "bash"),
    "jq": (("jq",), "jq"),
    "docker": (("docker",), "docker"),
    "apache2": (("apache2", "httpd"), "apache2"),
    "openssl": (("openssl",), "openssl"),
    "cc": (("cc", "gcc"), "gcc"),
    "make": (("make",), "make"),
    "ruby": (("ruby",), "ruby"),
    "php": (("php",), "php-cli"),
    "perl": (("perl",), "perl"),
    "haproxy": (("haproxy",), "haproxy"),
    "caddy": (("caddy",), "caddy"),
    "promtool": (("promtool",), "prometheus"),
    "systemd-analyze": (("systemd-analyze",), "systemd"),
    "systemd-socket-activate": (("systemd-socket-activate",), "systemd"),
    "setpriv": (("setpriv",), "util-linux"),
    "unshare": (("unshare",), "util-linux"),
    "nsenter": (("nsenter",), "util-linux"),
    "buildah": (("buildah",), "buildah"),
}
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # where servers are, though not on everyone's PATH


def need(name: str) -> str:
    """The path of a program, or where a Python module is. Skips when it is missing; fails when CI is "true"."""
    if name in PROGRAMS:
        names, package = PROGRAMS[name]
        folders = os.pathsep.join([os.environ.get("PATH", ""), *MORE_FOLDERS])
        found = next((path for path in (shutil.which(each, path=folders) for each in names) if path), None)
        return found or missing(f"{name} is not installed: install the system package {package}")
    spec = importlib.util.find_spec(name)
    if spec is None:
        missing(f"the module {name} is not installed: pip install -r requirements-dev.txt")
    return spec.origin or name


def missing(reason: str) -> NoReturn:
    """End the test: skipped on a person's machine, failed under CI."""
    if under_ci():
        pytest.fail(reason)
    pytest.skip(reason)


def under_ci() -> bool:
    """Whether everything that a test may need has to be there."""
    return os.environ.get("CI") == "true"


def repo() -> Path:
    """The root of this repository."""
    return Path(__file__).resolve().parents[2]
