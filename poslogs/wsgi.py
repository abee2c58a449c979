"""The WSGI entry: `app` for gunicorn, waitress and flask run, `application` for Apache's mod_wsgi."""

from __future__ import annotations

import logging
import os
import sys
import time

from poslogs.app import create_app
from poslogs.errors import ConfigError
from poslogs.plain import plain
from poslogs.servers import json_lines

try:
    app = application = create_app()
    app.extensions["poslogs"].host.stops.heed_signals()
except ConfigError as error:
    print(json_lines.line(plain(f"poslogs cannot start: {error}"), logging.ERROR), file=sys.stderr, flush=True)
    under_gunicorn = "gunicorn" in os.environ.get("SERVER_SOFTWARE", "")
    if under_gunicorn and "poslogs.servers.master" in sys.modules:
        # The master has checked the first start, so a file was broken since: end this worker only, and it tries again.
        time.sleep(1)
        os._exit(1)
    sys.exit(4 if under_gunicorn else 1)  # gunicorn's own master ends at 4; at 1 it would try again forever
