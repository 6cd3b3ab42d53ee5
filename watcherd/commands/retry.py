"""``watcherd retry FILE… | --failed``: have the daemon try again."""

import argparse
from pathlib import Path

from watcherd.commands.asking import ask_for_files, asked
from watcherd.commands.options import Subparsers, add_command, ledger_of
from watcherd.errors import EXIT_OK


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "retry", "try failed and blocked recordings again", run)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("files", type=Path, nargs="*", default=[], metavar="FILE")
    which.add_argument("--failed", action="store_true", help="all that failed, are blocked or wait for their next try")


def run(options: argparse.Namespace) -> int:
    """Ask the daemon."""
    ledger = ledger_of(options)
    if not options.failed:
        return ask_for_files(ledger, "retry", options.files)
    count = asked(ledger, {"command": "retry", "failed": True}, "retried")["retried"]
    print(f"{count} recordings are tried again" if count else "nothing failed")
    return EXIT_OK
