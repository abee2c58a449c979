"""How gunicorn runs poslogs: numbers and addresses to change at will. gunicorn reads this file by itself.

What the workers do beyond gunicorn's own is in poslogs/servers/, and comes with any configuration that names them.
"""

import os
import socket
import sys

from gunicorn.workers import SUPPORTED_WORKERS

_host, _port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "3030"
if not _port.isdigit():
    sys.exit(f"poslogs cannot start: PORT must be a number from 0 to 65535, not {_port!r}.")


def _is_here(family, address):
    """Whether this machine has an address; port 0 is any that is free."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


if _host.lower() == "localhost":  # clients try either family first, and some only one
    _found = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    _hosts = [address for family, address in _found if _is_here(family, address)] or [_host]
else:
    _hosts = [_host]
bind = [f"[{host}]:{_port}" if ":" in host and "[" not in host else f"{host}:{_port}" for host in _hosts]

pythonpath = os.path.dirname(os.path.abspath(__file__))  # where poslogs is, wherever gunicorn is started
worker_class = "poslogs.servers.gunicorn.GeventWorker"
SUPPORTED_WORKERS.update(gevent=worker_class, gthread="poslogs.servers.gunicorn.ThreadWorker")  # -k gevent, -k gthread
workers = 1  # limits, slots and feeds are this process's own
threads = 256  # for gthread: streams and requests at once
worker_connections = 6000  # for gevent: streams and requests at once
backlog = 2048
timeout = 60  # seconds; an event loop that is silent for longer is killed; no limit for requests
graceful_timeout = 10
keepalive = 5
max_requests = 0  # with one worker each restart would be an outage
preload_app = False  # gevent must patch before the app is imported
forwarded_allow_ips = "127.0.0.1,::1"
control_socket_disable = True
loglevel = "warning"
if os.path.isdir("/dev/shm"):
    worker_tmp_dir = "/dev/shm"


def on_starting(server):
    """Refuse a start that cannot work before anything listens."""
    from poslogs.servers import master

    master.check_start(server)
