"""The page and its files: what a browser gets at `/`, before anybody has shown a token."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from flask import Response, abort, request, send_from_directory

from poslogs import __version__
from poslogs.access.clients import Clients
from poslogs.doors.door import Door, everyone
from poslogs.doors.entrance import is_local, is_named_locally
from poslogs.platformos.environments import Environments

STATIC: Final = Path(__file__).resolve().parent / "static"
# Named here, since what `mimetypes` knows of them differs from machine to machine. What is not named is not served.
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "poslogs",  # the one that names the search's worker; a URL by itself would be refused
}
HEADERS: Final = {
    "Cache-Control": "no-cache",  # kept, and asked about by its ETag: after an update no module meets an older one
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def blueprint(environments: Environments, clients: Clients) -> Door:
    """The routes, on these parts. They reveal nothing of the clients, except a demo's token to its own machine."""
    routes = Door("page", __name__, guard=everyone)

    @routes.get("/")
    def page() -> Response:
        about = {"poslogs-version": __version__}
        if is_local(request) and is_named_locally(request) and (token := _demo_token(environments, clients)):
            about["poslogs-demo"] = token
        metas = "".join(f'<meta name="{name}" content="{escape(value)}">\n' for name, value in about.items())
        html = (STATIC / "index.html").read_text(encoding="utf-8").replace("</head>", f"{metas}</head>", 1)
        response = Response(html, mimetype="text/html")
        response.add_etag()
        response.make_conditional(request)
        return response

    @routes.get("/page/<file>")
    def static(file: str) -> Response:
        type_ = TYPES.get(Path(file).suffix)
        return send_from_directory(STATIC, file, mimetype=type_) if type_ else abort(404)

    @routes.after_request
    def guard(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return routes


def _demo_token(environments: Environments, clients: Clients) -> str | None:
    """A token that everybody knows already and that opens a demo; None where no demo is served."""
    served = [env for env in environments.all().values() if env.demo]
    readers = (client for client in clients.all().values() if any(map(client.may_read, served)))
    return next((client.published for client in readers if client.published), None)
