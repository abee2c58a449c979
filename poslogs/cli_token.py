"""The command `token`: makes, lists and revokes the tokens of clients.json."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from poslogs.access import clients_file
from poslogs.access.clients import Client, Clients
from poslogs.concerns import nearest
from poslogs.errors import ConfigError
from poslogs.plain import plain
from poslogs.platformos.environments import Environments
from poslogs.settings import Settings

TOKEN_BYTES = 32  # 43 characters


@click.group()
def token() -> None:
    """Make, list and revoke tokens.

    The file of clients is the one that POSLOGS_CLIENTS_FILE names, else clients.json in this folder, else the one that
    comes with poslogs. In a checkout tokens are added to that file too. An installed poslogs first copies it to a
    clients.json in this folder. The tokens that came with poslogs open the demo only.

    The file gets a digest of each new token, never the token itself. It is replaced in one step, and only its owner can
    read it afterwards. A running server takes each change without a restart.
    """


@token.command()
@click.argument("name")
@click.option(
    "--env", "envs", multiple=True, metavar="ENV", help="Environment that it may read; may be repeated. Default: all."
)
def new(name: str, envs: tuple[str, ...]) -> None:
    """Make a token for NAME and print it once, alone on stdout."""
    with _refusals():
        settings = Settings.read()
        if envs:
            _check_environments(envs, Environments(settings))
        made = secrets.token_urlsafe(TOKEN_BYTES)
        clients_file.add(settings.clients_file, name, made, envs, first=settings.first_clients_file)
    click.echo(made)
    readable = ", ".join(envs) if envs else "all environments"
    _tell(f"{name} may read {readable}. Keep the token: {settings.clients_file} holds only its digest.")


@token.command("list")
def list_() -> None:
    """List the clients and what each may read, never a token."""
    with _refusals():
        settings = Settings.read()
        clients = Clients(settings.clients_file, settings.first_clients_file)
    for client in clients.all().values():
        click.echo(plain(f"{client.id}: {_readable(client)}"))


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Remove NAME from the file. Its token stops working, and its open streams end."""
    with _refusals():
        settings = Settings.read()
        clients_file.remove(settings.clients_file, name, first=settings.first_clients_file)
    _tell(f"{name} is no longer in {settings.clients_file}.")


def _readable(client: Client) -> str:
    if client.published:
        return "the demo only, as its token is published"
    if client.envs is None:
        return "all environments"
    return ", ".join(sorted(client.envs)) or "no environment"


def _check_environments(names: tuple[str, ...], environments: Environments) -> None:
    served = environments.all()
    for name in names:
        if name in served:
            continue
        if near := nearest(name, served):
            raise ConfigError(f"there is no environment {name}; is {near} meant?")
        raise ConfigError(f"there is no environment {name}; there are {', '.join(served)}.")


def _tell(sentence: str) -> None:
    click.echo(plain(sentence), err=True)


@contextmanager
def _refusals() -> Iterator[None]:
    """Ends the command with status 1 and one sentence if something cannot be done."""
    try:
        yield
    except ConfigError as error:
        _tell(f"poslogs token: {error}")
        sys.exit(1)
