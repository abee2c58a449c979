"""The app: the only place that puts the parts together."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask
from flask_cors import CORS

from poslogs.access.calls import Calls
from poslogs.access.clients import Clients
from poslogs.access.limits import Limits
from poslogs.access.slots import Slots
from poslogs.agents.agent_tools import Catalogue
from poslogs.doors import api, gate, health, leaving, metrics, openapi, probes
from poslogs.doors.admission import GivingBack, admission
from poslogs.doors.answering import beginning
from poslogs.doors.entrance import Entrance
from poslogs.doors.forwarding import Forwarding
from poslogs.doors.mcp import door as mcp
from poslogs.doors.mcp.guard import Guard
from poslogs.doors.origins import Origins
from poslogs.doors.page import door as page
from poslogs.doors.paths import OnePath
from poslogs.doors.prefix import Prefix
from poslogs.fleet.start import Fleet, fleet_of, shares_of
from poslogs.plain import plain
from poslogs.platformos.demo import DemoGateway
from poslogs.platformos.environments import Environment, Environments
from poslogs.platformos.gateway import Gateway, HttpGateway
from poslogs.runtime import Runtime
from poslogs.servers import discretion, json_lines, own_log, ticket
from poslogs.servers.direct import DirectStreams
from poslogs.servers.host import Host, Hosted
from poslogs.servers.liveness import Disconnects
from poslogs.servers.stops import Stops
from poslogs.settings import Settings, misspelt
from poslogs.streaming.driven import Driven
from poslogs.streaming.feeds import Feeds
from poslogs.supervisor import STALL_SECONDS, SUPERVISOR, Supervisor
from poslogs.tools.toolbox import Toolbox

log = logging.getLogger("poslogs")


@dataclass(frozen=True)
class Parts:
    """What the app is made of, for the server that runs it: `app.extensions["poslogs"]`."""

    settings: Settings
    environments: Environments
    clients: Clients
    slots: Slots[Driven]
    runtime: Runtime
    supervisor: Supervisor
    disconnects: Disconnects
    direct: DirectStreams
    host: Host
    fleet: Fleet | None  # None: this process shares nothing with others


def create_app(settings: Settings | None = None, catalogue: Callable[[Toolbox], Catalogue] = Catalogue) -> Flask:
    """The WSGI app; `catalogue` makes what agents are offered.

    Raises ConfigError, whose sentence says what keeps it from starting.
    """
    settings = settings or Settings.read()
    own_log.write_to_stderr(settings.log_level, settings.log_format)
    for sentence in misspelt():
        log.warning("%s", sentence)

    environments = Environments(settings)
    environments.report()
    clients = Clients(settings.clients_file, settings.first_clients_file)
    _let_this_run_in(clients, environments)
    discretion.DISCRETION.is_token = lambda word: _is_token(word, clients, environments)
    slots: Slots[Driven] = Slots(settings.max_streams)
    shared = fleet_of(settings, slots)
    feeds = Feeds(
        _opening(settings),
        window_bytes=settings.window_bytes,
        lookback=settings.lookback,
        answer_bytes=settings.answer_bytes,
        questions=settings.questions,
        patience=settings.poll_seconds + STALL_SECONDS,
        share=shares_of(shared),
    )
    feeds.renew_by(environments.fresh)
    runtime = Runtime(environments, clients, feeds, slots)
    host = Host(slots, Stops(runtime, slots, SUPERVISOR), share=shared.begin if shared else None)
    runtime.warn()
    disconnects = Disconnects(SUPERVISOR, settings.heartbeat)
    direct = DirectStreams(settings.heartbeat, SUPERVISOR, allowed=settings.direct)
    limits = shared.limits() if shared else Limits()
    toolbox = Toolbox(environments, feeds, heartbeat=settings.heartbeat)
    admit = admission(slots, disconnects, runtime, host)
    begin = beginning(Calls(settings.client_calls, settings.max_calls, slots.room), disconnects, settings.unread)
    origins = Origins(settings.cors_origins)

    app = Flask("poslogs", static_folder=None)
    app.extensions["poslogs"] = Parts(
        settings, environments, clients, slots, runtime, SUPERVISOR, disconnects, direct, host, shared
    )

    CORS(
        app,
        origins=origins.patterns,
        methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type", "Accept", "Last-Event-ID", *mcp.HEADERS],
        expose_headers=["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"],
        max_age=600,
    )

    entrance = Entrance(clients, limits, environments)
    app.before_request(runtime.refresh)
    gate.install(app, entrance.by_token)
    limits.install(app)

    refusals = metrics.Refusals()
    app.after_request(refusals.count)

    leaving.install(app)
    behind_proxy = settings.proxy_hops > 0
    guard = Guard(entrance.admit, limits, origins.allow, settings.hosts, behind_proxy)
    app.register_blueprint(api.blueprint(toolbox, runtime, admit, begin))
    app.register_blueprint(health.blueprint(toolbox, slots, feeds, SUPERVISOR, shared.members if shared else None))
    app.register_blueprint(mcp.blueprint(catalogue(toolbox), guard, admit, begin, settings.heartbeat))
    app.register_blueprint(probes.blueprint(runtime, feeds, SUPERVISOR, entrance.known))
    app.register_blueprint(
        metrics.blueprint(toolbox, slots, feeds, SUPERVISOR, refusals, shared.members if shared else None)
    )
    app.register_blueprint(openapi.blueprint())
    app.register_blueprint(page.blueprint(environments, clients))
    app.wsgi_app = Prefix(OnePath(GivingBack(app.wsgi_app)), settings.prefix)  # type: ignore[method-assign]
    if settings.proxy_hops:
        app.wsgi_app = Forwarding(app.wsgi_app, settings.proxy_hops, settings.proxies)  # type: ignore[method-assign]
    app.wsgi_app = Hosted(app.wsgi_app, host)  # type: ignore[method-assign]  # outermost: it looks at the server's own
    return app


def _opening(settings: Settings) -> Callable[[Environment], Gateway]:
    """What opens an environment's gateway, within the bounds of the settings."""

    def open_gateway(environment: Environment) -> Gateway:
        if environment.demo:
            return DemoGateway(environment.name)
        return HttpGateway(
            environment,
            seconds=settings.poll_seconds,
            max_bytes=settings.poll_bytes,
            max_rows=settings.poll_rows,
        )

    return open_gateway


def _let_this_run_in(clients: Clients, environments: Environments) -> None:
    """Where no token opens what is served, accept the ticket of this run, and print it unless a worker does."""
    run = ticket.of_this_run()
    if clients.only_published and not environments.demo:
        run.validate()
    if not run.valid:
        return
    clients.let_in(run.token)
    if not run.is_greeted and (token := run.show()):
        if json_lines.wanted():
            log.warning("The tokens in %s are published. %s", clients.path, json_lines.UNSHOWN)
            return
        text = (
            f"The tokens in {clients.path} are published and open no real environment. A token for this run:",
            f"  {token}",
            f"The page takes it from the end of its address: /#token={token}",
            "`python -m poslogs token new NAME` makes a token that lasts.",
        )
        print("\n".join(map(plain, text)), file=sys.stderr, flush=True)


def _is_token(word: str, clients: Clients, environments: Environments) -> bool:
    """Whether a word opens something, here or at platformOS."""
    known = clients.holder(word.encode("utf-8", "replace"))
    return known is not None or any(word == env.token for env in environments.all().values())
