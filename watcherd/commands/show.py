"""``watcherd show FILE``: everything known of one recording, and why it is in this state."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from watcherd.commands.options import Subparsers, add_command, add_json, ledger_of
from watcherd.commands.terminal import Terminal
from watcherd.config import find_config, load
from watcherd.decisions import summary
from watcherd.discovery.candidates import why_ignored
from watcherd.errors import EXIT_OK, ConfigError
from watcherd.ledger.reader import Reader
from watcherd.ledger.schema import NoLedgerError
from watcherd.names import printable
from watcherd.service.spoken import clock, duration


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "show", "show everything known of one recording, and why it is in its state", run)
    parser.add_argument("file", type=Path, metavar="FILE")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the recording's entry, its story and its transcript; where there is no entry, the reason."""
    database = ledger_of(options)
    path = Path(os.path.abspath(options.file))  # noqa: PTH100  resolve() would follow a symlink that is the question
    try:
        with Reader.open(database) as ledger:
            entry, known, story = ledger.entry(path), ledger.path(path), ledger.events(path)
            result = ledger.result(known.content_id) if known and known.content_id is not None else None
    except NoLedgerError:
        entry, story, result = None, [], None
    if entry is None:
        return _unknown(path, why_unknown(options, path), as_json=options.json)
    transcript = result.transcript if result else None
    if options.json:
        events = [event.to_dict() for event in story]
        segments = None if transcript is None else transcript.to_dict()
        windows = [window.to_dict() for window in result.windows] if result else []
        print(json.dumps(entry.to_dict() | {"events": events, "transcript": segments, "windows": windows}, indent=2))
        return EXIT_OK
    print(f"{printable(path)}\n  state      {entry.state}")
    for name, value in _facts(entry.to_dict()):
        print(f"  {name:<10} {value}")
    if result and (told := summary(result.windows)):
        print(f"  windows    {printable(told)}")
    for event in story:
        print(f"  {event.at.astimezone():%Y-%m-%d %H:%M:%S}  {event.to_state}: {printable(event.reason)}")
    if transcript is not None and transcript.segments:
        print()
        terminal = Terminal.of(sys.stdout)
        for segment in transcript.segments:
            terminal.print_said(clock(segment.start_ms), printable(segment.text))
    return EXIT_OK


def why_unknown(options: argparse.Namespace, path: Path) -> str:
    """Why the ledger holds no such recording."""
    try:
        settings = load(find_config(options.config, os.environ))
    except ConfigError:
        return "there is no usable configuration that would say which folders are watched"
    root = next((root for root in settings.watch if path.is_relative_to(root.path)), None)
    if root is None:
        return "it is in no watched folder"
    return why_ignored(root, path) or "watcherd has not seen it yet"


def _unknown(path: Path, reason: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"path": str(path), "state": None, "reason": reason}, indent=2))
    else:
        print(f"{printable(path)}\n  not in the ledger: {reason}")
    return EXIT_OK


def _facts(entry: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("error", printable(entry["error"]) if entry["error"] else None),
        ("remedy", entry["remedy"]),
        ("next try", entry["retry_at"]),
        ("duration", None if entry["duration_s"] is None else duration(entry["duration_s"])),
        ("language", _language(entry)),
        ("model", entry["model"]),
        ("took", None if entry["transcribed_s"] is None else duration(entry["transcribed_s"])),
        ("attempts", str(entry["attempts"])),
        ("sha256", entry["sha256"]),
        *(("sidecar", printable(sidecar)) for sidecar in entry["sidecars"]),
    ]
    return [(name, value) for name, value in facts if value]


def _language(entry: dict[str, Any]) -> str | None:
    doubt = " (it does not sound like that)" if entry["language_suspect"] else ""
    return entry["language"] and f"{entry['language']}{doubt}"
