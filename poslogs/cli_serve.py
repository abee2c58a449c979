"""The command `serve`: starts gunicorn with poslogs, in any folder."""

from __future__ import annotations

import os

import click

from poslogs.servers.command import command
from poslogs.settings import shipped

# On SIGUSR2 gunicorn starts itself again, as a script. Without this, the script's folder would come first on Python's
# path, and its module `http` would hide Python's.
SAFE_PATH = {"PYTHONSAFEPATH": "1"}


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    options_metavar="[OPTIONS OF GUNICORN]",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="")
def serve(options: tuple[str, ...]) -> None:
    """Start the server.

    That is gunicorn, with the worker classes and numbers of poslogs. It listens at HOST and PORT, and reads .pos and
    clients.json in this folder. Without a .pos it serves a demo. It takes all options of gunicorn; -h lists them.
    A gunicorn.conf.py in this folder, or the file that -c names, replaces the configuration that comes with poslogs.
    Such a file must name a worker class of poslogs.

    \b
      poslogs serve
      HOST=localhost PORT=3031 poslogs serve
      poslogs serve -k gthread --bind unix:/run/poslogs.sock
      poslogs serve -c mine.py
    """
    argv = command(options, shipped("gunicorn.conf.py"))
    # This process becomes gunicorn, which then gets its signals. Nothing that gevent must patch is loaded in it yet.
    os.execve(argv[0], argv, os.environ | SAFE_PATH)
