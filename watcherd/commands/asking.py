"""What the commands share that ask the running daemon for something."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from watcherd import __version__
from watcherd.errors import EXIT_OK, EXIT_WORK_FAILED, UnreachableError, WatcherdError
from watcherd.names import printable
from watcherd.service.control import Reply, Request, ask


class RefusedError(WatcherdError):
    """The daemon refuses; the exit code is the one that it names."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply["error"]), remedy=_restart(reply))
        self.exit_code = int(reply.get("exit_code", EXIT_WORK_FAILED))


def asked(ledger: Path, request: Request, *expected: str) -> dict[str, Any]:
    """The daemon's reply.

    Args:
        ledger: whose daemon is asked.
        request: what is asked for.
        expected: what has to stand in the reply.

    Raises:
        NotRunningError: there is no daemon.
        UnreachableError: it may not be asked, does not answer, or not as expected.
        RefusedError: it refuses.
    """
    reply = dict(ask(ledger, request))
    if "error" in reply:
        raise RefusedError(reply)
    if not reply.keys() >= set(expected):
        raise UnreachableError("the daemon's answer is not understood", remedy=_restart(reply))
    return reply


def _restart(reply: Reply) -> str:
    """What to do where the daemon is older or newer than the command that asks it; nothing where they are alike."""
    version = reply.get("version", "of another version")
    return "" if version == __version__ else f"The daemon is watcherd {version}, this is {__version__}: restart it"


def ask_for_files(ledger: Path, command: str, files: Sequence[Path], **what: object) -> int:
    """Ask for something to be done to these files; 1 where it is refused for one of them, with the reason.

    ``what`` else stands in the request.
    """
    paths = [os.path.abspath(file) for file in files]  # noqa: PTH100  resolve() would follow symlinks
    refused = asked(ledger, {"command": command, "paths": paths, **what}, "refused")["refused"]
    for path in paths:
        if path in refused:
            print(f"{printable(path)}: {refused[path]}", file=sys.stderr)
        else:
            print(f"{printable(path)}: {command} asked for")
    return EXIT_WORK_FAILED if refused else EXIT_OK
