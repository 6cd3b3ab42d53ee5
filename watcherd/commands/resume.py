"""``watcherd resume``: have the daemon go on after a pause."""

import argparse

from watcherd.commands.asking import asked
from watcherd.commands.options import Subparsers, add_command, ledger_of
from watcherd.errors import EXIT_OK


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    add_command(commands, "resume", "go on after a pause", run)


def run(options: argparse.Namespace) -> int:
    """Ask the daemon."""
    was_paused = asked(ledger_of(options), {"command": "resume"}, "was_paused")["was_paused"]
    print("the work goes on" if was_paused else "it was not paused")
    return EXIT_OK
