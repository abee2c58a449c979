"""The command that `poslogs serve` becomes: gunicorn, with our configuration where there is no other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gunicorn.config import Config, get_default_config_file

APP: Final = "poslogs.wsgi:app"
PROG: Final = "poslogs serve"
TOLD: Final = (
    "These are gunicorn's options. Without -b it listens at HOST and PORT, 127.0.0.1:3030 where they are not set, and "
    "without -k it has a worker of poslogs: the defaults in brackets are gunicorn's own, and poslogs has others."
)


def command(options: Sequence[str], ours: Path) -> list[str]:
    """The command line that starts gunicorn with these options, once gunicorn's own parser has accepted them.

    The configuration is the one that the options or GUNICORN_CMD_ARGS name, else gunicorn.conf.py of this folder, as
    for gunicorn itself; else `ours`. Raises SystemExit: 2 for options that gunicorn does not have, 0 for its help.
    """
    cfg = Config(f"{PROG} [OPTIONS]", prog=PROG)
    parser = cfg.parser()
    parser.description = TOLD
    given = parser.parse_args(list(options))
    if given.args:
        parser.error(f"it serves poslogs alone; leave out {given.args[0]}")
    chosen = given.config or parser.parse_args(cfg.get_cmd_args_from_env()).config or get_default_config_file()
    configuration = [] if chosen else ["--config", str(ours)]
    return [sys.executable, "-m", "gunicorn", APP, *configuration, *options]
