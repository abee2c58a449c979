"""gunicorn's logger, for gunicorn.conf.py: as JSON lines from the first one on, where POSLOGS_LOG_FORMAT is json.

gunicorn's master imports this module: gunicorn, the standard library and pythonjsonlogger only.
"""

from __future__ import annotations

from typing import Any

from gunicorn import glogging

from poslogs.servers.json_lines import format_gunicorn


class Logger(glogging.Logger):
    """Writes what gunicorn's own does, in our format. Under other configurations the worker classes see to it."""

    def setup(self, cfg: Any) -> None:
        """Make the handlers, at the start and at each reload."""
        super().setup(cfg)
        format_gunicorn(self)
