"""The WSGI entry of a checkout: `app` for gunicorn, waitress and flask run, `application` for Apache's mod_wsgi."""

from poslogs.wsgi import app, application

__all__ = ["app", "application"]
