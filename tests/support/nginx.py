"""An nginx of a test's own in front of a server."""

from __future__ import annotations

import os
import time
from pathlib import Path

import requests

from tests.support.need import need
from tests.support.program import Program
from tests.support.server import free_port

START_TIMEOUT_S = 15.0
CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
{user}
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location {path} {{
      proxy_pass {upstream};
      {more}
    }}
  }}
}}
"""


class Nginx:
    """A stock `proxy_pass` to a server, with `more` directives in its location. A context manager."""

    def __init__(self, folder: Path, upstream: str, more: str = "", path: str = "/") -> None:
        """`upstream` is a URL, or `http://unix:PATH:`. Requests for what is below `path` are passed on."""
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""  # else its workers could not enter the folder
        if path != "/":
            upstream += "/"  # has nginx take the path away
        text = CONFIG.format(folder=folder, user=user, port=port, upstream=upstream, more=more, path=path)
        (folder / "nginx.conf").write_text(text)
        argv = [need("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        self.url = f"http://127.0.0.1:{port}"
        self._program = Program(argv, folder)
        self._wait_live(f"{self.url}{path}livez")

    def __enter__(self) -> Nginx:
        return self

    def __exit__(self, *exc: object) -> None:
        self._program.__exit__(*exc)

    def _wait_live(self, url: str) -> None:
        with requests.Session() as http:
            http.trust_env = False
            end = time.monotonic() + START_TIMEOUT_S
            while time.monotonic() < end and self._program.process.poll() is None:
                try:
                    if http.get(url, timeout=5).status_code:
                        return
                except requests.RequestException:
                    time.sleep(0.02)
        self._program.__exit__()
        raise AssertionError(f"nginx does not answer:\n{self._program.out.text}")
