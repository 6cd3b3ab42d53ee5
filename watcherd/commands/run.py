"""``watcherd run``: the daemon, in the foreground."""

import argparse
import faulthandler
import sys

from watcherd import daemon
from watcherd.commands.options import Subparsers, add_command, add_overrides, settings_of
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
    faulthandler.enable()  # systemd's watchdog ends a stuck daemon by SIGABRT, and the journal gets every traceback
    with ProgressBar(sys.stderr) as bar:
        setup(verbose=options.verbose, before_line=bar.clear)
        daemon.run(lambda: settings_of(options), bar)
    return EXIT_OK
