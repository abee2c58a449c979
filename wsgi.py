"""The WSGI entry of a checkout: `app` for gunicorn, waitress and flask run, `application` for Apache's mod_wsgi."""

import os
import sys

# mod_wsgi loads this file by its name, and would not find what is beside it.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from poslogs.wsgi import app, application

__all__ = ["app", "application"]
