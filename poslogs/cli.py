"""The command line: start the server, check a start, list the settings, make tokens."""

from __future__ import annotations

import socket
import sys

import click

from poslogs import __version__
from poslogs.access.client import MIN_TOKEN_CHARS
from poslogs.access.clients import Clients
from poslogs.cli_serve import serve
from poslogs.cli_token import token
from poslogs.concerns import concerns
from poslogs.errors import ConfigError
from poslogs.fleet.chosen import engine_of
from poslogs.plain import plain
from poslogs.platformos.environments import Environments
from poslogs.servers.listeners import is_loopback
from poslogs.settings import SETTINGS, Settings, misspelt


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="poslogs")
def main() -> None:
    """Stream platformOS logs to any number of readers."""


main.add_command(serve)
main.add_command(token)


@main.command()
@click.option("--bind", "addresses", multiple=True, metavar="HOST:PORT", help="Address to listen on; may be repeated.")
@click.option("--workers", default=1, show_default=True, help="Number of worker processes.")
@click.option("--no-port-check", is_flag=True, help="Do not check whether the port is free.")
def check(addresses: tuple[str, ...], workers: int, no_port_check: bool) -> None:
    """Report whether the server would start.

    If not, say why in one sentence and exit with status 1. Without --bind the address is the one of HOST and PORT.
    """
    try:
        settings = Settings.read()
        environments = Environments(settings)
        clients = Clients(settings.clients_file, settings.first_clients_file)
        engine = engine_of(settings)
        if workers > 1 and engine is None:
            raise ConfigError(
                f"{workers} workers would each poll, limit and count by themselves; start one worker (it holds "
                "thousands of streams), or start redis-server and set POSLOGS_REDIS_URL=redis://127.0.0.1:6379."
            )
        for address in addresses or [f"{settings.host}:{settings.port}"]:
            host, _, port = address.rpartition(":")
            if not port.isascii() or not port.isdigit() or int(port) > 65535:
                raise ConfigError(f"{address} is not an address to listen on; write it as 127.0.0.1:3030.")
            _check_address(host.strip("[]"), int(port), clients, free=not no_port_check)
    except ConfigError as error:
        click.echo(plain(f"poslogs cannot start: {error}"), err=True)
        sys.exit(1)
    if not addresses:
        for sentence in [*misspelt(), *environments.unusable.values(), *concerns(clients, environments)]:
            click.echo(plain(sentence), err=True)
        served = plain(", ".join(environments.all()))
        click.echo(f"poslogs can start at {settings.host}:{settings.port}; it would serve {served}.")
        if engine is not None:
            click.echo(f"It would share Redis at {plain(engine.address.shown)}. {engine.reach().why}")


@main.command()
def settings() -> None:
    """List every setting with its default and meaning."""
    for setting in SETTINGS:
        click.echo(f"{setting.variable} (default: {setting.default or 'none'})\n    {setting.meaning}")


def _check_address(host: str, port: int, clients: Clients, *, free: bool) -> None:
    if not is_loopback(host):
        _check_reach(host, clients)
    if not free or port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise ConfigError(
                f"port {port} of {host} is not available ({reason}); stop what uses it, or start with PORT=3031."
            ) from None


def _check_reach(host: str, clients: Clients) -> None:
    """Raises ConfigError if the clients are not fit for an address that other machines can reach."""
    if clients.only_published:
        raise ConfigError(
            f"the tokens in {clients.path} are all published with poslogs, and {host} is not loopback; "
            "make one of your own with `python -m poslogs token new NAME`, or listen on 127.0.0.1."
        )
    short = next((client for client in clients.all().values() if client.short and not client.published), None)
    if short is not None:
        raise ConfigError(
            f"the token of client {short.id} in {clients.path} has fewer than {MIN_TOKEN_CHARS} characters, and {host} "
            "is not loopback; `python -m poslogs token new NAME` makes a long one, or listen on 127.0.0.1."
        )
