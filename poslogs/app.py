"""The app: the only place that puts the parts together."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request
from flask_cors import CORS
from werkzeug.exceptions import HTTPException

from poslogs.access.calls import Calls
from poslogs.access.clients import Clients
from poslogs.access.limits import Limits
from poslogs.access.slots import Slots
from poslogs.agents.agent_tools import Catalogue
from poslogs.doors import api, body, entrance, metrics, openapi, probes
from poslogs.doors.admission import GivingBack, admission
from poslogs.doors.answering import beginning
from poslogs.doors.api import json_response
from poslogs.doors.forwarding import Forwarding
from poslogs.doors.mcp import door as mcp
from poslogs.doors.page import door as page
from poslogs.doors.paths import OnePath
from poslogs.errors import Refusal
from poslogs.plain import plain
from poslogs.platformos.demo import DemoGateway
from poslogs.platformos.environments import Environment, Environments
from poslogs.platformos.gateway import Gateway, HttpGateway
from poslogs.runtime import Runtime
from poslogs.servers import discretion, ticket
from poslogs.servers.direct import DirectStreams
from poslogs.servers.host import Host, Hosted
from poslogs.servers.liveness import Disconnects
from poslogs.settings import Settings, misspelt
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.stream import Stream
from poslogs.supervisor import STALL_SECONDS, SUPERVISOR, Supervisor
from poslogs.tools import Toolbox

log = logging.getLogger("poslogs")


@dataclass(frozen=True)
class Parts:
    """What the app is made of, for the server that runs it: `app.extensions["poslogs"]`."""

    settings: Settings
    environments: Environments
    clients: Clients
    slots: Slots[Stream]
    runtime: Runtime
    supervisor: Supervisor
    disconnects: Disconnects
    direct: DirectStreams
    host: Host


def create_app(settings: Settings | None = None, catalogue: Callable[[Toolbox], Catalogue] = Catalogue) -> Flask:
    """The WSGI app; `catalogue` makes what agents are offered.

    Raises ConfigError, whose sentence says what keeps it from starting.
    """
    settings = settings or Settings.read()
    _log_to_stderr(settings.log_level)
    for sentence in misspelt():
        log.warning("%s", sentence)

    def open_gateway(environment: Environment) -> Gateway:
        if environment.demo:
            return DemoGateway(environment.name)
        return HttpGateway(
            environment,
            seconds=settings.poll_seconds,
            max_bytes=settings.poll_bytes,
            max_rows=settings.poll_rows,
        )

    environments = Environments(settings)
    environments.report()
    clients = Clients(settings.clients_file, settings.first_clients_file)
    _let_this_run_in(clients, environments)
    discretion.DISCRETION.is_token = lambda word: _is_token(word, clients, environments)
    feeds = Feeds(
        open_gateway,
        window_bytes=settings.window_bytes,
        lookback=settings.lookback,
        answer_bytes=settings.answer_bytes,
        questions=settings.questions,
        patience=settings.poll_seconds + STALL_SECONDS,
    )
    slots: Slots[Stream] = Slots(settings.max_streams)
    host = Host(slots)
    runtime = Runtime(environments, clients, feeds, slots)
    runtime.warn()
    disconnects = Disconnects(SUPERVISOR, settings.heartbeat)
    direct = DirectStreams(settings.heartbeat, SUPERVISOR, allowed=settings.direct)
    limits = Limits()
    toolbox = Toolbox(environments, feeds, heartbeat=settings.heartbeat)
    admit = admission(slots, disconnects, runtime, host)
    begin = beginning(Calls(settings.client_calls, settings.max_calls, slots.room), disconnects, settings.unread)
    origins = [_origin_pattern(origin) for origin in settings.cors_origins]

    app = Flask("poslogs", static_folder=None)
    app.extensions["poslogs"] = Parts(
        settings, environments, clients, slots, runtime, SUPERVISOR, disconnects, direct, host
    )

    CORS(
        app,
        origins=origins,
        methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type", "Accept", "Last-Event-ID", *mcp.HEADERS],
        expose_headers=["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"],
        max_age=600,
    )

    @app.before_request
    def come_in() -> Response | None:
        runtime.refresh()
        if request.path == mcp.PATH:
            return mcp.come_in(
                lambda: entrance.admit(request, clients, limits, environments),
                limits,
                lambda origin: any(pattern == "*" or pattern.match(origin) for pattern in origins),
                hosts=settings.hosts,
                behind_proxy=settings.proxy_hops > 0,
            )
        if not entrance.is_open(request):
            g.client = entrance.admit(request, clients, limits, environments)
        return None

    limits.install(app)

    refusals = metrics.Refusals()
    app.after_request(refusals.count)

    @app.after_request
    def finish_reading(response: Response) -> Response:
        body.discard(request)
        return response

    @app.after_request
    def keep_private(response: Response) -> Response:
        """No cache keeps what a token opened, and no browser takes an answer for something else than it says."""
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "application/json":
            response.headers["Cache-Control"] = "no-store"
        return response

    _refuse_in_one_shape(app)
    app.register_blueprint(api.blueprint(toolbox, slots, feeds, runtime, admit, begin, SUPERVISOR, settings.heartbeat))
    app.register_blueprint(mcp.blueprint(catalogue(toolbox), limits, admit, begin, settings.heartbeat))
    app.register_blueprint(
        probes.blueprint(runtime, feeds, SUPERVISOR, lambda: entrance.known(request, clients, limits, environments))
    )
    app.register_blueprint(metrics.blueprint(toolbox, slots, feeds, SUPERVISOR, refusals))
    app.register_blueprint(openapi.blueprint())
    app.register_blueprint(page.blueprint(environments, clients))
    app.wsgi_app = OnePath(GivingBack(app.wsgi_app))  # type: ignore[method-assign]
    if settings.proxy_hops:
        app.wsgi_app = Forwarding(app.wsgi_app, settings.proxy_hops, settings.proxies)  # type: ignore[method-assign]
    app.wsgi_app = Hosted(app.wsgi_app, host)  # type: ignore[method-assign]  # outermost: it looks at the server's own
    return app


def _let_this_run_in(clients: Clients, environments: Environments) -> None:
    """Where nobody could read what is served, take the ticket of this run, and show it unless a worker does."""
    run = ticket.of_this_run()
    if clients.only_published and not environments.demo:
        run.validate()
    if not run.valid:
        return
    clients.let_in(run.token)
    if not run.is_greeted and (token := run.show()):
        text = (
            f"The tokens in {clients.path} are published and open no real environment. A token for this run:",
            f"  {token}",
            f"The page takes it from the end of its address: /#token={token}",
            "`python -m poslogs token new NAME` makes a token that lasts.",
        )
        print("\n".join(map(plain, text)), file=sys.stderr, flush=True)


def _refuse_in_one_shape(app: Flask) -> None:
    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        response = _told(refusal.sentence, refusal.status)
        response.headers.update(refusal.headers)
        return response

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = _told(_sentence(error), error.code or 500)
        if allow := error.get_response().headers.get("Allow"):
            response.headers["Allow"] = allow
        return response

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        log.error("A request to %s failed.", request.path, exc_info=error)
        return _told("Something went wrong here; the server's log says what.", 500)


def _told(sentence: str, status: int) -> Response:
    return json_response(mcp.shaped(sentence, status) if request.path == mcp.PATH else {"error": sentence}, status)


def _sentence(error: HTTPException) -> str:
    if error.code == 404:
        return "There is nothing at this path; GET /tools lists the tools, and GET /health says how the server is."
    if error.code == 405:
        allow = error.get_response().headers.get("Allow", "another method")
        allowed = ", ".join(name for name in allow.split(", ") if name not in ("OPTIONS", "HEAD"))
        return f"This path does not take {request.method}; use {allowed}."
    return f"{(error.name or 'Bad request').capitalize()}: the request could not be understood."


def _is_token(word: str, clients: Clients, environments: Environments) -> bool:
    """Whether a word opens something, here or at platformOS."""
    known = clients.holder(word.encode("utf-8", "replace"))
    return known is not None or any(word == env.token for env in environments.all().values())


def _origin_pattern(origin: str) -> Any:
    if origin == "*":
        return "*"
    pattern = re.escape(origin)
    if pattern.endswith(r":\*"):
        pattern = pattern[: -len(r":\*")] + r"(:\d+)?"
    return re.compile("^" + pattern.replace(r"\*", r"[A-Za-z0-9.-]+") + "$")


class _OneLine(logging.Formatter):
    """Names of environments and clients are other people's: no line of theirs looks like one of ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name for it
        return plain(super().formatMessage(record))


def _log_to_stderr(level: str) -> None:
    ours = logging.getLogger("poslogs")
    ours.setLevel(level)
    if not ours.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.addFilter(discretion.DISCRETION)
        ours.addHandler(handler)
        ours.propagate = False
    for name in ("werkzeug", "waitress"):  # what they quote of requests
        logging.getLogger(name).addFilter(discretion.DISCRETION)
