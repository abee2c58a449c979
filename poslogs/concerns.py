"""Concerns: faults of clients.json that do not keep the server from starting, but that an operator should know."""

from __future__ import annotations

import stat
from collections.abc import Collection
from difflib import get_close_matches

from poslogs.access.client import MIN_TOKEN_CHARS
from poslogs.access.clients import Clients
from poslogs.platformos.environments import Environments

NEAR = 0.5  # names at least this similar may be meant for each other; `prod` and `production` are 0.57


def concerns(clients: Clients, environments: Environments) -> list[str]:
    """A sentence, without any token, for each thing that is probably not intended, with what to do about it."""
    if clients.only_published and not environments.demo:
        return [] if clients.has_run else [_nobody(clients)]
    return [*_of_tokens(clients), *_of_access(clients), *_of_environments(clients, environments)]


def nearest(name: str, names: Collection[str]) -> str:
    """The one of `names` that `name` probably means; "" when none is similar."""
    return next(iter(get_close_matches(name, names, 1, NEAR)), "")


def _nobody(clients: Clients) -> str:
    return (
        f"The tokens in {clients.path} are published and open no real environment; "
        "`python -m poslogs token new NAME` makes one that does."
    )


def _of_tokens(clients: Clients) -> list[str]:
    return [
        f"The token of client {client.id} in {clients.path} has fewer than {MIN_TOKEN_CHARS} characters and can be "
        "guessed; `python -m poslogs token new NAME` makes a long one."
        for client in clients.all().values()
        if client.short and not client.published
    ]


def _of_access(clients: Clients) -> list[str]:
    written = [client.id for client in clients.all().values() if client.plain and not client.published]
    try:
        mode = clients.path.stat().st_mode
    except OSError:
        return []  # it is being replaced, and is checked again then
    if not written or not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    return [
        f"Other accounts of this machine may read {clients.path}, and the token of client {written[0]} is in it; "
        f"run `chmod 600 {clients.path}`, or write its token_sha256 there."
    ]


def _of_environments(clients: Clients, environments: Environments) -> list[str]:
    served = environments.all()
    unknown = [
        (client.id, name)
        for client in clients.all().values()
        for name in sorted(client.envs or ())
        if name not in served
    ]
    return [
        f"Client {id_} in {clients.path} may read {name}, which is not an environment here; is {near} meant?"
        for id_, name in unknown
        if (near := nearest(name, served))
    ]
