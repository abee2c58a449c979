"""The WSGI entry: `app` for gunicorn, waitress and flask run, `application` for Apache's mod_wsgi."""

import sys

from poslogs.app import create_app
from poslogs.errors import ConfigError

try:
    app = application = create_app()
except ConfigError as error:
    print(f"poslogs cannot start: {error}", file=sys.stderr)
    sys.exit(4)  # gunicorn's own code for an app that does not load: it stops, and does not try again
