"""``watcherd list``: the ledger, a recording a line."""

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from watcherd.commands.options import Subparsers, add_command, add_json, ledger_of
from watcherd.errors import EXIT_OK
from watcherd.ledger.reader import Reader
from watcherd.ledger.records import Entry
from watcherd.ledger.schema import NoLedgerError
from watcherd.ledger.states import State
from watcherd.names import printable


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "list", "list every recording of the ledger with its state", run)
    parser.add_argument("--state", type=State, choices=list(State), metavar="STATE", help=" | ".join(State))
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print what the ledger holds; an empty list where there is no ledger yet."""
    entries = _entries(ledger_of(options), options.state)
    if options.json:
        print(json.dumps([entry.to_dict() for entry in entries], indent=2))
    else:
        for entry in entries:
            print(_line(entry))
    return EXIT_OK


def _entries(ledger: Path, state: State | None) -> Iterator[Entry]:
    with suppress(NoLedgerError), Reader.open(ledger) as reader:
        yield from reader.entries(state)


def _line(entry: Entry) -> str:
    line = f"{entry.state:<11} {printable(entry.path)}"
    return f"{line}: {printable(entry.error)}" if entry.error else line
