"""The parts of poslogs, found in a WSGI app that middleware may wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gunicorn.errors import AppImportError

from poslogs.servers.master import PREFIX

if TYPE_CHECKING:
    from poslogs.app import Parts

WRAPPERS: Final = 32  # objects that are looked through for the app, or a few more
HOLDS: Final = ("wsgi_app", "app", "application", "__self__")  # where middleware keeps the app that it wraps


def parts_of(app: Any) -> Parts:
    """The parts of the app, in it or in what it wraps. Raises AppImportError when poslogs is in none of these."""
    seen: list[Any] = [app]
    for found in seen:  # grows meanwhile
        extensions = getattr(found, "extensions", None)
        if isinstance(extensions, dict) and "poslogs" in extensions:
            parts: Parts = extensions["poslogs"]
            return parts
        inner = [getattr(found, name, None) for name in HOLDS]
        seen += [it for it in inner if it is not None and all(it is not known for known in seen)]
        if len(seen) > WRAPPERS:
            break
    raise AppImportError(
        f"{PREFIX}the app given to gunicorn is not poslogs, or wraps it where it cannot be found; "
        "wrap it as app.wsgi_app = Middleware(app.wsgi_app)."
    )
