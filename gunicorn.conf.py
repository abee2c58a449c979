"""How gunicorn runs poslogs. gunicorn reads this file by itself; change its addresses and numbers as you need.

The worker classes are in poslogs/servers/. Any configuration that names one of them gets all that they do.
"""

import os
import socket
import sys

from gunicorn.workers import SUPPORTED_WORKERS

_host, _port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "3030"
if not _port.isdigit():
    sys.exit(f"poslogs cannot start: PORT must be a number from 0 to 65535, not {_port!r}.")


def _is_here(family, address):
    """Whether this machine has the address. Port 0 means any free port."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


if _host.lower() == "localhost":  # some clients try IPv4 first, some IPv6, and some only one of them
    _found = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    _hosts = [address for family, address in _found if _is_here(family, address)] or [_host]
else:
    _hosts = [_host]
bind = [f"[{host}]:{_port}" if ":" in host and "[" not in host else f"{host}:{_port}" for host in _hosts]

pythonpath = os.path.dirname(os.path.abspath(__file__))  # so that gunicorn finds poslogs from any folder
worker_class = "poslogs.servers.gunicorn.GeventWorker"
SUPPORTED_WORKERS.update(gevent=worker_class, gthread="poslogs.servers.gunicorn.ThreadWorker")  # -k gevent, -k gthread
workers = 1  # each process would have its own limits, slots and feeds
threads = 256  # under gthread: streams and requests at the same time
worker_connections = 6000  # under gevent: streams and requests at the same time
backlog = 2048
timeout = 60  # seconds; gunicorn kills a worker whose event loop is silent for longer. Requests may take longer
graceful_timeout = 10
keepalive = 5
max_requests = 0  # with one worker, each restart would be an outage
preload_app = False  # gevent must patch before the app is imported
forwarded_allow_ips = "127.0.0.1,::1"
control_socket_disable = True
loglevel = "warning"
logger_class = "poslogs.servers.gunicorn_log.Logger"  # as POSLOGS_LOG_FORMAT has it
if os.path.isdir("/dev/shm"):
    worker_tmp_dir = "/dev/shm"


def on_starting(server):
    """Refuse a start that cannot work, before gunicorn listens."""
    from poslogs.servers import master

    master.check_start(server)
