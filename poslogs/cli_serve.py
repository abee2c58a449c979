"""The command `serve`: starts gunicorn with poslogs, in any folder."""

from __future__ import annotations

import os

import click

from poslogs.servers.command import command
from poslogs.settings import shipped

# At SIGUSR2 gunicorn starts itself again as a script. Without this its folder would come first on Python's path, and
# its module `http` would replace Python's.
SAFE_PATH = {"PYTHONSAFEPATH": "1"}


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    options_metavar="[OPTIONS OF GUNICORN]",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="")
def serve(options: tuple[str, ...]) -> None:
    """Start the server: gunicorn, with the workers and the numbers of poslogs.

    It listens at HOST and PORT, reads .pos and clients.json in this folder, and serves a demo where there is no .pos.
    It takes every option of gunicorn; -h lists them. A gunicorn.conf.py in this folder, or the file that -c names,
    replaces the configuration that comes with poslogs; it must name a worker class of poslogs.

    \b
      poslogs serve
      HOST=localhost PORT=3031 poslogs serve
      poslogs serve -k gthread --bind unix:/run/poslogs.sock
      poslogs serve -c mine.py
    """
    argv = command(options, shipped("gunicorn.conf.py"))
    # This process becomes gunicorn, which gets its signals then, and nothing that gevent patches is loaded there.
    os.execve(argv[0], argv, os.environ | SAFE_PATH)
