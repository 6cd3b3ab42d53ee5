"""``watcherd uninstall``: take the service away again."""

import argparse
import os

from watcherd.commands.install import require_right_user
from watcherd.commands.options import Subparsers, add_command
from watcherd.errors import EXIT_OK
from watcherd.installation import uninstall


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "uninstall", "stop and remove the service; ledger and transcripts stay", run)
    parser.add_argument("--user", action="store_true", help="the service of your own")


def run(options: argparse.Namespace) -> int:
    """Take back what ``watcherd install`` has put in place."""
    require_right_user(of_user=options.user)
    for done in uninstall(of_user=options.user, environ=os.environ):
        print(done)
    print("Ledger, models, configuration and transcripts stay" + ("." if options.user else ", and so does the user."))
    return EXIT_OK
