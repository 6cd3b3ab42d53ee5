"""``watcherd once``: do what is there now, then end."""

import argparse
import sys

from watcherd import daemon
from watcherd.commands.options import Subparsers, add_command, add_overrides, settings_of
from watcherd.daemon import Summary
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
    with ProgressBar(sys.stderr) as bar:
        setup(verbose=options.verbose, before_line=bar.clear)
        summary = daemon.run(lambda: settings_of(options), bar, until_done=True)
    print(sentence(summary))
    troubled = any(summary.counts.get(state) for state in (State.FAILED, State.BLOCKED, State.RETRY))
    return EXIT_WORK_FAILED if troubled else EXIT_OK


def sentence(summary: Summary) -> str:
    """What was done now, and how all recordings stand.

    >>> sentence(Summary(0, {State.DONE: 6, State.FAILED: 1}))
    'nothing to do; of 7 recordings 6 done, 1 failed'
    """
    standing = {state: n for state, n in summary.counts.items() if n and state is not State.SUPERSEDED}
    did = f"transcribed {summary.transcribed}" if summary.transcribed else "nothing to do"
    if not standing:
        return f"{did}; there are no recordings"
    total = sum(standing.values())
    return f"{did}; of {total} recordings " + ", ".join(f"{n} {state}" for state, n in standing.items())
