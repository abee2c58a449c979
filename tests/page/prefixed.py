"""The app below the path /logs, as a proxy serves it that knows more than one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import NotFound

from wsgi import app

PREFIX = "/logs"
whole = app.wsgi_app


def below(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Pass on all below the prefix, as a proxy does, and the probe of the test that started this."""
    path = environ["PATH_INFO"]
    if path.startswith(f"{PREFIX}/"):
        return whole({**environ, "SCRIPT_NAME": PREFIX, "PATH_INFO": path.removeprefix(PREFIX)}, start_response)
    return (whole if path == "/livez" else NotFound())(environ, start_response)


app.wsgi_app = below
