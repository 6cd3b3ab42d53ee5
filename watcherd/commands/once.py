"""``watcherd once``: do what is there now, then end."""

import argparse
import sys
from collections.abc import Mapping

from watcherd.commands.options import Subparsers, add_command, add_overrides, settings_of
from watcherd.daemon import Daemon
from watcherd.errors import EXIT_OK, EXIT_WORK_FAILED
from watcherd.ledger.states import State
from watcherd.service.journal import setup
from watcherd.service.progress import ProgressBar


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "once", "transcribe what is there now, then end", run)
    add_overrides(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more, for finding a fault")


def run(options: argparse.Namespace) -> int:
    """0 where all is done, 1 where something failed or is blocked."""
    settings = settings_of(options)
    with ProgressBar(sys.stderr) as bar:
        setup(verbose=options.verbose, before_line=bar.clear)
        daemon = Daemon(settings, until_done=True, bar=bar)
        counts = daemon.run()
    print(summary(counts, daemon.transcribed))
    troubled = counts.get(State.FAILED, 0) + counts.get(State.BLOCKED, 0) + counts.get(State.RETRY, 0)
    return EXIT_WORK_FAILED if troubled else EXIT_OK


def summary(counts: Mapping[State, int], transcribed: int) -> str:
    """One line: what was done now, and how all recordings stand.

    >>> summary({State.DONE: 6, State.FAILED: 1}, 0)
    'nothing to do; of 7 recordings 6 done, 1 failed'
    """
    standing = {state: count for state, count in counts.items() if count and state is not State.SUPERSEDED}
    total = sum(standing.values())
    did = f"transcribed {transcribed}" if transcribed else "nothing to do"
    if not total:
        return f"{did}; there are no recordings"
    return f"{did}; of {total} recordings " + ", ".join(f"{count} {state}" for state, count in standing.items())
