"""``watcherd reload``: have the daemon read its configuration again."""

import argparse

from watcherd.commands.asking import asked
from watcherd.commands.options import Subparsers, add_command, ledger_of
from watcherd.errors import EXIT_OK


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    add_command(commands, "reload", "have the daemon read its configuration again", run)


def run(options: argparse.Namespace) -> int:
    """Ask the daemon and wait; a configuration with errors is refused with them, and the old one stays."""
    asked(ledger_of(options), {"command": "reload"})
    print("the configuration is applied")
    return EXIT_OK
