"""How gunicorn runs poslogs; it reads this file by itself. Other servers do not, and the app does without it."""

import ctypes
import datetime
import errno
import gc
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import gunicorn.util

_here = os.path.dirname(os.path.abspath(__file__))

if not (os.environ.get("PORT") or "3030").isdigit():
    print(f"poslogs cannot start: PORT must be a number from 0 to 65535, not {os.environ['PORT']!r}.", file=sys.stderr)
    sys.exit(1)
_host = os.environ.get("HOST") or "127.0.0.1"
_host = f"[{_host}]" if ":" in _host and "[" not in _host else _host
bind = f"{_host}:{os.environ.get('PORT') or '3030'}"
worker_class = "gevent"  # or gthread: -k gthread
workers = 1  # limits, slots and feeds are this process's own
threads = 256  # for gthread: streams and requests at once
worker_connections = 6000  # for gevent: streams and requests at once
backlog = 2048
timeout = 60  # an event loop that is silent for so long is killed; no limit for requests
graceful_timeout = 10
keepalive = 5
max_requests = 0  # with one worker each restart would be an outage
preload_app = False  # gevent must patch before the app is imported
forwarded_allow_ips = "127.0.0.1,::1"
control_socket_disable = True
loglevel = "warning"
if os.path.isdir("/dev/shm"):
    worker_tmp_dir = "/dev/shm"

STALL_MS = 120_000  # a reader that takes nothing for so long is cut (docs/decisions/0007-lost-and-stalled.md)
TRIM_SECONDS = 15  # between two times that memory which nobody uses is given back; some milliseconds each
GC_OBJECTS = 20_000  # made and not yet freed, between two looks of Python's collector
OWN_FILES = 60  # descriptors for what is no client's connection: listeners, polls of platformOS, files that are read
_LOST = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EBADF}
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

# A stream takes a descriptor: use as many as this process may ask for.
_files, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
if _most_files == resource.RLIM_INFINITY or _most_files > worker_connections + 1000:
    _most_files = max(_files, worker_connections + 1000)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

_epoll = getattr(select, "epoll", None)  # as it is before gevent hides it


def on_starting(server):
    """Refuse a start that cannot work, with one sentence, before anything listens."""
    taken_over = "GUNICORN_PID" in os.environ or "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ
    checked = _check(server, *(["--no-port-check"] if taken_over or server.cfg.reuse_port else []))
    if checked.returncode:
        sys.stderr.write(checked.stderr)
        sys.exit(1)


def _check(server, *options):
    command = [sys.executable, "-m", "poslogs", "check", "--workers", str(server.cfg.workers), *options]
    ports = [f"{address[0]}:{address[1]}" for address in server.cfg.address if isinstance(address, tuple)]
    for port in ports or ["127.0.0.1:0"]:  # only who is on this machine reaches a Unix socket
        command += ["--bind", port]
    # In a process of its own: what the master imports, no reload could renew.
    paths = [_here, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(command, env=env, check=False, stderr=subprocess.PIPE, text=True)


def when_ready(server):
    """Tune the listeners, and have a reload look first whether it would start."""
    _tune(server)
    reload = server.handle_hup

    def careful():
        checked = _check(server, "--no-port-check")
        if checked.returncode:
            reason = checked.stderr.strip().removeprefix("poslogs cannot start: ")
            server.log.error("Not reloaded, and all goes on as it was: %s", reason)
        else:
            reload()

    server.handle_hup = careful


def _tune(server):
    # Accepted sockets inherit these on Linux: little is sent ahead of slow readers, none may stall for good.
    for listener in server.LISTENERS:
        if listener.sock.family in (socket.AF_INET, socket.AF_INET6):
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 * 1024)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_MS)


on_reload = _tune


def pre_fork(_server, _worker):
    """Let what the master has made stay shared with the worker: a look of Python's collector would copy it."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker):
    """Tell what is served, and end the streams as soon as the worker is told to stop."""
    from poslogs.banner import banner

    gunicorn.util.write_error = _write_error
    parts = worker.wsgi.extensions["poslogs"]
    parts.departures.epoll = _epoll
    given_away = _is_gevent(worker) and parts.lines.serve(_epoll)
    if given_away:
        _give_streams_away(worker, parts.lines)
    _fit(worker, parts.slots, given_away)
    _keep_the_log_clean(worker)
    _know_connections(worker, parts.departures)
    if not _is_gevent(worker):
        # gthread's own handler takes the lock of its pool, for ever when it comes while the pool takes a connection.
        signal.signal(signal.SIGINT, worker.handle_exit)
        signal.signal(signal.SIGQUIT, worker.handle_exit)

    worker.slots = parts.slots
    worker.told_to_stop = threading.Event()

    def watch():  # SIGTERM does not reach the app; every graceful end turns `alive` off
        due = 0.0
        while worker.alive and not worker.told_to_stop.wait(0.2):
            if time.monotonic() >= due:
                due = time.monotonic() + TRIM_SECONDS
                _give_memory_back()
        parts.runtime.drain()
        _wait_for_streams(parts.slots)
        parts.departures.hang_up()
        worker.cfg.set("graceful_timeout", 1)  # nothing is left that would end by itself

    threading.Thread(target=watch, name="stop-watch", daemon=True).start()
    # What is there now stays: the collector need not look at it again, nor at each page of rows while it is read.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 20, 100)
    try:
        print(banner(parts, [_url(listener.getsockname()) for listener in worker.sockets]), flush=True)
    except OSError:
        pass  # nobody reads what this server prints, which is no reason to start workers again and again


def _give_memory_back():
    # One answer may be 32 MiB: without this glibc keeps what it took, in pieces, for as long as the worker lives.
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass  # another C library


def _is_gevent(worker):
    return hasattr(worker, "server_class")


def _fit(worker, slots, given_away):
    # Connections beyond these wait in the kernel's queue; streams stay below, so that requests are still answered.
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OWN_FILES
    if not _is_gevent(worker):  # gthread opens one more for a connection that has not asked yet
        files = max(files - worker.cfg.threads, files // 2)
    connections = max(8, min(worker.cfg.worker_connections, files))
    room = connections if _is_gevent(worker) else min(connections, worker.cfg.threads)
    reserve = min(200 if _is_gevent(worker) else 16, max(4, room // 4))
    slots.capacity = min(slots.capacity or room, room - reserve)
    if given_away:  # gunicorn does not count these
        connections = max(reserve, min(connections, files - slots.capacity))
    worker.worker_connections = connections


def _keep_the_log_clean(worker):
    told = float("-inf")

    def is_news(error):
        nonlocal told
        if not isinstance(error, OSError) or error.errno not in _LOST | _SCARCE:
            return True
        if error.errno in _SCARCE and time.monotonic() - told > 60:
            told = time.monotonic()
            worker.log.warning("Connections have to wait: %s. Raise LimitNOFILE or ulimit -n.", error.strerror)
        return False

    # gunicorn takes ECONNRESET and EPIPE alone for a client that has left.
    worker.log.error_log.addFilter(lambda record: is_news(record.exc_info[1]) if record.exc_info else True)
    if _is_gevent(worker):
        from gevent import get_hub

        hub = get_hub()
        handle_error = hub.handle_error
        hub.handle_error = lambda context, kind, error, trace: (
            handle_error(context, kind, error, trace) if is_news(error) else None
        )
        return
    accept = worker.accept

    def patient(listener):  # an error that leaves `accept` would end the worker
        try:
            accept(listener)
        except OSError as error:
            if is_news(error):
                raise
            time.sleep(0.1)

    worker.accept = patient


def _know_connections(worker, departures):
    handle = worker.handle

    def known(*args):  # gevent: listener, socket, address; gthread: a connection
        departures.meet(args[1] if len(args) > 1 else args[0].sock)
        return handle(*args)

    worker.handle = known


def _give_streams_away(worker, lines):
    def is_already_handled(body):
        line = getattr(body, "line", None)
        if line is None:
            return False
        response, environ = line.request
        worker.log.access(response, response.req, environ, datetime.timedelta(0))
        lines.begin(line)
        raise StopIteration  # as a connection ends that is not kept alive: this greenlet is done with it

    worker.is_already_handled = is_already_handled


def nworkers_changed(server, new, old):
    """SIGTTIN cannot add a worker, for the reason that a start with two is refused."""
    if old is not None and new > 1:
        server._num_workers = 1
        server.log.error("poslogs stays at one worker: limits, slots and feeds are its own.")


def _write_error(sock, status_int, reason, _mesg):
    # What gunicorn itself refuses never reaches the app: the same shape for callers, and none of its own message,
    # which may quote a header.
    body = json.dumps({"error": f"{reason.capitalize()}: the request could not be understood."}).encode()
    head = f"HTTP/1.1 {status_int} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    gunicorn.util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)


def worker_int(worker):
    """SIGINT and SIGQUIT leave gevent no time: hold the exit up until the streams have ended."""
    if not hasattr(worker, "told_to_stop"):
        return  # not yet serving
    worker.told_to_stop.set()
    _wait_for_streams(worker.slots)


def worker_exit(_server, worker):
    """The same where gunicorn is done: it does not know of streams that were given away."""
    worker_int(worker)


def _wait_for_streams(slots):
    # Two seconds at most, and no more than 25 looks in which none ends: what is left then is read by nobody. They are
    # counted, not timed: on a machine that is overrun neither this nor the streams get on.
    end, open_, still = time.monotonic() + 2, slots.open, 0
    while slots.open and still < 25 and time.monotonic() < end:
        time.sleep(0.02)
        still = still + 1 if slots.open == open_ else 0
        open_ = slots.open


def _url(address):
    if not isinstance(address, tuple):
        return f"unix:{address}"
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"
