"""A server under a gunicorn configuration of its operator's own, which names our worker class and little else."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.platformos import PlatformOS
from tests.support.server import REPO, Server
from tests.support.template import Template

CLASSES = {"gevent": "GeventWorker", "gthread": "ThreadWorker"}


class Foreign(Server):
    """gunicorn with a configuration of three lines, `bind`, `worker_class` and `pythonpath`, and what is added.

    It is started in `folder`, which is not ours, and only the configuration says where poslogs is.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        platformos: PlatformOS,
        *,
        more: str = "",
        args: Sequence[str] = (),
        app: str = "wsgi:app",
        clients: Mapping[str, Any] | None = None,
        template: Template | None = None,
    ) -> None:
        super().__init__(
            folder,
            kind,
            environments={"staging": platformos},
            clients=clients,
            args=args,
            app=app,
            start=False,
            template=template,
        )
        del self._environ["PYTHONPATH"]
        self.config_file = folder / "mine.py"
        self.configure(more)

    def configure(self, more: str = "") -> None:
        """Write the configuration, with `more` after its three lines."""
        self.config_file.write_text(
            f'bind = "127.0.0.1:{self.port}"\n'
            f'worker_class = "poslogs.servers.gunicorn.{CLASSES[self.kind]}"\n'
            f"pythonpath = {str(REPO)!r}\n"
            f"{more}"
        )

    def break_clients(self) -> None:
        """Leave a clients.json that nobody can use."""
        self.clients_file.write_text(json.dumps({"default": {"token": 7}}))

    def refusal(self) -> str:
        """The sentence in which a start ends. AssertionError unless it ends in one, before a worker is made."""
        self.start(wait=False)
        assert self.wait_exit(30) > 0
        self.out.wait_closed()
        told = [line for line in self.output.splitlines() if line.startswith("poslogs cannot start: ")]
        assert len(told) == 1, self.output
        assert "Traceback" not in self.output
        return told[0].removeprefix("poslogs cannot start: ")

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "-c", str(self.config_file), *self.args, self.app]


class Ours(Foreign):
    """gunicorn with our own configuration, from a folder that is not ours, and the worker class by its plain name."""

    def _command(self) -> list[str]:
        config, address = str(REPO / "gunicorn.conf.py"), f"127.0.0.1:{self.port}"
        return [sys.executable, "-m", "gunicorn", "-c", config, "-b", address, *self.args, self.app]
