"""``watcherd status``: what the running daemon is doing."""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from watcherd.commands.asking import asked
from watcherd.commands.options import Subparsers, add_command, add_json, ledger_of
from watcherd.errors import EXIT_NOT_RUNNING, EXIT_OK, NotRunningError, UnreachableError
from watcherd.ledger.reader import Reader
from watcherd.ledger.schema import NoLedgerError
from watcherd.names import printable
from watcherd.service.spoken import duration, moment

_SHOWN: Final = ("state", "queue", "working", "counts", "model", "device", "engine")


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    add_json(add_command(commands, "status", "show what the daemon is doing", run))


def run(options: argparse.Namespace) -> int:
    """Ask the daemon; where there is none, tell so and what the ledger knows."""
    ledger = ledger_of(options)
    try:
        status, code = asked(ledger, {"command": "status"}, *_SHOWN), EXIT_OK
    except UnreachableError:
        raise
    except NotRunningError:
        status, code = stopped(_counts(ledger)), EXIT_NOT_RUNNING
    print(json.dumps(status, indent=2) if options.json else "\n".join(_lines(status)))
    return code


def _counts(ledger: Path) -> Mapping[str, int]:
    try:
        with Reader.open(ledger) as reader:
            return {state.value: count for state, count in reader.counts().items()}
    except NoLedgerError:
        return {}


def stopped(counts: Mapping[str, int]) -> dict[str, Any]:
    """The status where no daemon is running."""
    return {
        "state": "stopped",
        "paused_until": None,
        "queue": counts.get("pending", 0) + counts.get("retry", 0),
        "working": [],
        "counts": dict(counts),
        "model": None,
        "device": None,
        "engine": "unloaded",
    }


def _lines(status: Mapping[str, Any]) -> list[str]:
    device = f" on {status['device']}" if status["device"] else ""
    model = f"; model {status['model']} {status['engine']}{device}" if status["model"] else ""
    paused_until = status.get("paused_until")
    until = f" until {moment(datetime.fromisoformat(paused_until), datetime.now(UTC))}" if paused_until else ""
    lines = [f"{status['state']}{until}; {status['queue']} waiting{model}"]
    for work in status["working"]:
        left = f", {duration(work['eta_s'])} left" if work["eta_s"] is not None else ""
        lines.append(f"  {printable(work['path'])}: {work['progress']:.0%}{left}")
    counted = ", ".join(f"{count} {state}" for state, count in status["counts"].items() if count)
    return [*lines, f"  {counted}"] if counted else lines
