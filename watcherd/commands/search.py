"""``watcherd search WORDS…``: where in all recordings something was said."""

import argparse
import json
import sys
from contextlib import suppress
from itertools import groupby

from watcherd.commands.options import Subparsers, add_command, add_json, ledger_of
from watcherd.commands.terminal import Terminal
from watcherd.errors import EXIT_OK
from watcherd.ledger.reader import Reader
from watcherd.ledger.schema import NoLedgerError
from watcherd.ledger.search import Hit
from watcherd.names import printable
from watcherd.service.spoken import clock

DEFAULT_LIMIT = 20

_EPILOG = """\
All words have to be said within about a minute; upper case and accents do not count. "Several words" in quotes are
a phrase, and word* stands for any ending. Put -- before a word that begins with a dash.
"""


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "search", "find what was said, in all transcripts, best first", run)
    parser.epilog = _EPILOG
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.add_argument(
        "-n", "--limit", type=_limit, default=DEFAULT_LIMIT, metavar="N", help="show so many places (%(default)s)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the places."""
    hits = _hits(options)
    shown = hits[: options.limit]
    if options.json:
        print(json.dumps([hit.to_dict() for hit in shown], indent=2))
        return EXIT_OK
    terminal = Terminal.of(sys.stdout)
    for paths, of_paths in groupby(shown, key=lambda hit: hit.paths):
        print(printable(paths[0]))
        for path in paths[1:]:
            print(f"  also at {printable(path)}")
        for hit in of_paths:
            terminal.print_said(clock(hit.start_ms), hit.text, hit.matches)
    if not shown:
        print("nothing found", file=sys.stderr)
    elif len(hits) > options.limit:
        print(f"there are more than these {options.limit}; -n shows them", file=sys.stderr)
    return EXIT_OK


def _hits(options: argparse.Namespace) -> list[Hit]:
    """One more than asked for, where there is one."""
    try:
        with Reader.open(ledger_of(options)) as ledger:
            return ledger.search(options.words, options.limit + 1)
    except NoLedgerError:
        return []


def _limit(text: str) -> int:
    with suppress(ValueError):
        if 0 < (limit := int(text)) < sys.maxsize:
            return limit
    raise argparse.ArgumentTypeError(f"{text!r} is no number of places")
