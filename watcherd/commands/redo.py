"""``watcherd redo FILE…``: have the daemon transcribe recordings again."""

import argparse
from pathlib import Path

from watcherd.commands.asking import ask_for_files
from watcherd.commands.options import Subparsers, add_command, ledger_of


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "redo", "transcribe recordings again, with the present model; an edited sidecar is kept", run
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")


def run(options: argparse.Namespace) -> int:
    """Ask the daemon."""
    return ask_for_files(ledger_of(options), "redo", options.files)
