"""``watcherd export DIR``: every transcript of the ledger, as files in one folder."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from watcherd.commands.options import Subparsers, add_command, add_formats, add_json, ledger_of
from watcherd.config import DEFAULT_FORMATS, SubtitleSettings, WatchRoot, find_config, load
from watcherd.errors import EXIT_OK, EXIT_WORK_FAILED, ConfigError
from watcherd.export import Exported, What, export
from watcherd.ledger.reader import Reader
from watcherd.names import printable
from watcherd.publication import layout_of
from watcherd.service.spoken import counted
from watcherd.sidecars.placement import Wishes

_EPILOG = """\
DIR gets the folders of the watched folders. A file that is there and differs is never overwritten; choose a new DIR
after a redo. No daemon is needed, and nothing is written into a watched folder.
"""


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "export", "write every transcript into another folder", run)
    parser.epilog = _EPILOG
    parser.add_argument("target", type=Path, metavar="DIR")
    add_formats(parser, f"what to write, once for each; default: {', '.join(DEFAULT_FORMATS)}")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write the files, and say what became of them; 1 where one of them could not be written."""
    roots, subtitles = _settings(options)
    folders = [root.path for root in roots]
    outputs = [root.output_dir for root in roots if root.output_dir is not None]
    wishes = Wishes(tuple(dict.fromkeys(options.formats or DEFAULT_FORMATS)), layout_of(subtitles))
    target = Path(os.path.abspath(options.target))  # noqa: PTH100  resolve() would follow symlinks
    files: list[Exported] = []
    with Reader.open(ledger_of(options)) as read:
        speakers = {root.path: root.speakers for root in roots}
        for file in export(read, folders, target, wishes, outputs=outputs, speakers=speakers):
            files.append(file)
            if problem := _problem(file):
                print(problem, file=sys.stderr)
    if options.json:
        print(json.dumps([file.to_dict() for file in files], indent=2))
    else:
        print(_summary(files))
    return EXIT_WORK_FAILED if any(map(_problem, files)) else EXIT_OK


def _settings(options: argparse.Namespace) -> tuple[Sequence[WatchRoot], SubtitleSettings]:
    """The watched folders, mounted or not, and how cues are laid out; without a configuration, none and as always."""
    try:
        config = find_config(options.config, os.environ)
    except ConfigError:
        return [], SubtitleSettings()
    settings = load(config, check_disk=False)
    return settings.watch, settings.subtitles


def _problem(file: Exported) -> str:
    match file.what:
        case What.DIFFERS:
            return f"{printable(file.path)}: another file is there and was left alone"
        case What.FAILED:
            return f"{printable(file.path)}: {file.problem}"
    return ""


def _summary(files: list[Exported]) -> str:
    counts = Counter(file.what for file in files)
    recordings = len({file.recording for file in files})
    parts = [
        f"{counted(counts[What.WRITTEN], 'file')} written",
        f"{counts[What.UNCHANGED]} were there" if counts[What.UNCHANGED] else "",
        f"{counts[What.DIFFERS]} left alone" if counts[What.DIFFERS] else "",
        f"{counts[What.FAILED]} failed" if counts[What.FAILED] else "",
    ]
    return f"{counted(recordings, 'recording')}: {', '.join(filter(None, parts))}"
