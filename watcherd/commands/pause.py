"""``watcherd pause [--for DURATION]``: have the daemon give the GPU or the processor back."""

import argparse
from typing import Final

from pydantic_core import PydanticCustomError

from watcherd.commands.asking import asked
from watcherd.commands.options import Subparsers, add_command, ledger_of
from watcherd.config.values import seconds
from watcherd.errors import EXIT_OK
from watcherd.service.spoken import duration

_SHORTEST_S: Final = 1.0


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "pause", "stop transcribing, and free the memory of model and GPU", run)
    parser.add_argument(
        "--for", type=_length_s, dest="length_s", metavar="DURATION", help="go on by itself after so long, such as 2h"
    )


def run(options: argparse.Namespace) -> int:
    """Ask the daemon; when it has answered, the engine is gone."""
    length_s: float | None = options.length_s
    reply = asked(ledger_of(options), {"command": "pause", "for_s": length_s}, "released")
    back = {0: "", 1: "; a recording is back in the queue"}.get(
        reply["released"], f"; {reply['released']} recordings are back in the queue"
    )
    print(f"paused{back}. It goes on " + (f"in {duration(length_s)}" if length_s else "with: watcherd resume"))
    return EXIT_OK


def _length_s(text: str) -> float:
    try:
        length_s = seconds(text)
    except PydanticCustomError as error:
        raise argparse.ArgumentTypeError(error.message()) from None
    if length_s < _SHORTEST_S:
        raise argparse.ArgumentTypeError("a pause lasts a second at least")
    return length_s
