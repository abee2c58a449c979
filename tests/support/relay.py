"""A way to a stand-in through a port of its own: with TLS on it, or with a handshake that never gets anywhere."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.listener import Listener
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.server import REPO

TLS_RECORD = b"\x16\x03\x03\x20\x00"  # the head of a handshake record that says how much is to come


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for `localhost` that signs itself."""

    file: Path  # with its key

    @classmethod
    def make(cls, file: Path) -> Certificate:
        """Make one, with the openssl command."""
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        names = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        files = ["-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
        subprocess.run([need("openssl"), "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
        with file.open("ab") as both:
            both.write(file.with_suffix(".crt").read_bytes())
        return cls(file)

    def trusted(self, folder: Path) -> dict[str, str]:
        """Variables with which a server trusts this one too: a certifi of its own, as companies install it."""
        package = folder / "certifi"
        package.mkdir()
        bundle = self.file.with_suffix(".crt")
        (package / "__init__.py").write_text(f"def where():\n    return {str(bundle)!r}\n")
        return {"PYTHONPATH": f"{folder}:{REPO}"}


class Relay:
    """Hands each connection on to a stand-in. A context manager."""

    def __init__(self, platformos: PlatformOS, certificate: Certificate | None = None) -> None:
        self.certificate = certificate  # what later connections are shown; None: no TLS
        self.drip = False  # later connections get the beginning of a TLS handshake, byte by byte, without end
        self._platformos = platformos
        self._listener = Listener(self._serve)
        self._over = threading.Event()
        self.port = self._listener.port

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._listener.close()

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._listener.accepted

    @property
    def environment(self) -> Mapping[str, str]:
        """The entry in `.pos` for the instance that it passes requests on to."""
        scheme = "https" if self.certificate else "http"
        return {**self._platformos.environment, "url": f"{scheme}://localhost:{self.port}"}

    def _serve(self, conn: socket.socket) -> None:
        if self.drip:
            conn.sendall(TLS_RECORD)
            while not self._over.wait(0.1) and self.drip:
                conn.sendall(b"a")
            return
        with contextlib.ExitStack() as stack:
            if self.certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate.file)
                conn = stack.enter_context(context.wrap_socket(conn, server_side=True))
            onward = stack.enter_context(socket.create_connection(("127.0.0.1", self._platformos.port)))
            back = threading.Thread(target=_pump, args=(onward, conn), name="relay", daemon=True)
            back.start()
            _pump(conn, onward)
            back.join()


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A port where connects are neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        end = time.monotonic() + 5
        while time.monotonic() < end:  # until the queue is full
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        else:
            raise AssertionError("the queue of connects does not get full")
        yield port


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
