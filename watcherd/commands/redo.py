"""``watcherd redo``: have the daemon transcribe recordings again, or write more sidecars of what was transcribed."""

import argparse
from pathlib import Path

from watcherd.commands.asking import ask_for_files, asked
from watcherd.commands.options import Subparsers, add_command, add_formats, ledger_of
from watcherd.errors import EXIT_OK
from watcherd.service.spoken import counted

_EPILOG = """\
With --format, the files are made of the stored transcripts, which takes no time of the model; without FILE and --model,
of all of them. They are kept up from then on, like those of the configuration.
"""


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "redo", "transcribe recordings again, with the present model; an edited sidecar is kept", run
    )
    parser.epilog = _EPILOG
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--model", metavar="ID", help="only what this model made; without FILE, all that it made")
    add_formats(parser, "write this sidecar again, or in addition, and transcribe nothing")
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Ask the daemon."""
    if not (options.files or options.model or options.formats):
        options.usage_error("name a FILE, a --model or a --format")
    ledger = ledger_of(options)
    what = {"model": options.model, "formats": options.formats or []}
    if options.files:
        return ask_for_files(ledger, "redo", options.files, **what)
    count = asked(ledger, {"command": "redo", **what}, "asked")["asked"]
    todo = f"{', '.join(options.formats)} asked for" if options.formats else "redo asked for"
    print(f"{counted(count, 'recording')}: {todo}" if count else "there is nothing of that kind")
    return EXIT_OK
