"""Servers: everything that knows a WSGI server or a socket."""
