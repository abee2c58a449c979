"""A folder as a site of its own: what a browser gets that opens a page of somebody else's."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def served(folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of `folder` as a site, which `host` names."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{site.server_port}"
        finally:
            site.shutdown()
            thread.join()


class _Files(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/favicon.ico":  # browsers ask for it; a 404 would be an error in the console
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """The type of a file; that of a module is not known to every system."""
        return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is for its failures."""
