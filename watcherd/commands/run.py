"""``watcherd run``: the daemon, in the foreground."""

import argparse
import sys

from watcherd.commands.options import Subparsers, add_command, add_overrides, settings_of
from watcherd.daemon import Daemon
from watcherd.errors import EXIT_OK
from watcherd.service.journal import setup
from watcherd.service.progress import ProgressBar


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "run", "watch the folders until told to stop", run)
    add_overrides(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more, for finding a fault")


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM or Ctrl-C."""
    settings = settings_of(options)
    with ProgressBar(sys.stderr) as bar:
        setup(verbose=options.verbose, before_line=bar.clear)
        Daemon(settings, until_done=False, bar=bar).run()
    return EXIT_OK
