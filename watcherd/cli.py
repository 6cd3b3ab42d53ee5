"""The command line: parse, call one command, turn its error into a message and an exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from watcherd import __version__
from watcherd.commands import (
    check,
    export,
    install,
    list_recordings,
    model,
    once,
    pause,
    redo,
    reload,
    resume,
    retry,
    run,
    search,
    show,
    status,
    transcribe,
    uninstall,
)
from watcherd.errors import EXIT_OK, WatcherdError

_COMMANDS: Final = (
    run,
    once,
    transcribe,
    status,
    list_recordings,
    show,
    search,
    export,
    retry,
    redo,
    pause,
    resume,
    reload,
    check,
    model,
    install,
    uninstall,
)

_EPILOG: Final = """\
exit codes: 0 good, 1 some work failed, 2 wrong usage, 69 no daemon is running where one is needed,
75 another daemon holds the ledger, 78 the configuration (or the model, or ffmpeg) cannot be used
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the process's exit code."""
    # Names that are not UTF-8 reach the terminal and the pipe as the bytes that they are.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except WatcherdError as error:
        print(f"watcherd: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("watcherd: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe has seen enough ("watcherd list | head"); Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="watcherd",
        description="Recordings appear in watched folders; transcripts appear beside them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"watcherd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.register(commands)
    return parser
