"""``watcherd check``: is everything there that the daemon needs?"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from watcherd.commands.options import Subparsers, add_command, add_overrides, config_of, settings_of
from watcherd.config import Settings
from watcherd.discovery.limits import inotify_shortage
from watcherd.engine.ffmpeg import require_ffmpeg
from watcherd.errors import EXIT_CONFIG, EXIT_OK, ModelUnavailableError, WatcherdError
from watcherd.names import printable
from watcherd.sidecars.publish import preflight

_DEVICE_TIMEOUT_S: Final = 120

_LIKELY_FAMILY: Final = "whisper"
"""Of a model that is not on disk yet."""


class Verdict(Enum):
    """How much a finding matters."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    what: str
    verdict: Verdict
    detail: str


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    add_overrides(add_command(commands, "check", "check configuration, ffmpeg, model, device and folders", run))


def run(options: argparse.Namespace) -> int:
    """Print a line for each finding; 78 where one of them would keep the daemon from its work."""
    bad = False
    settings = settings_of(options)
    print(f"ok    configuration: {printable(config_of(options) or 'none, by options alone')}")
    for finding in findings(settings):
        print(f"{finding.verdict.value:<5} {finding.what}: {finding.detail}", flush=True)
        bad = bad or finding.verdict is Verdict.BAD
    return EXIT_CONFIG if bad else EXIT_OK


def findings(settings: Settings) -> Iterator[Finding]:
    """Every check, the quick ones first. A configuration with errors does not get this far: it is told whole."""
    yield _ffmpeg()
    for root in settings.watch:
        yield _folder(root.path)
        if root.output_dir is not None:
            yield _folder(root.output_dir)
    if shortage := inotify_shortage([root.path for root in settings.watch if root.mode != "poll"]):
        yield Finding("inotify", Verdict.NOTE, shortage)
    model, family = _model(settings.model.id)
    yield model
    yield _device(settings.model.device, settings.model.dtype, family)


def _ffmpeg() -> Finding:
    try:
        program = require_ffmpeg()
    except WatcherdError as error:
        return Finding("ffmpeg", Verdict.BAD, str(error))
    return Finding("ffmpeg", Verdict.GOOD, program)


def _folder(folder: Path) -> Finding:
    try:
        preflight(folder)
    except WatcherdError as error:
        return Finding(printable(folder), Verdict.BAD, error.without_path())
    return Finding(printable(folder), Verdict.GOOD, "can be read and written")


def _model(model_id: str) -> tuple[Finding, str]:
    """What is known of the model, and its family."""
    from watcherd.engine.checkpoints import resolve  # noqa: PLC0415  the Hub's client costs other commands time

    try:
        checkpoint = resolve(model_id, download=False)
    except ModelUnavailableError as error:
        # Not on disk is no fault: the daemon brings it when it starts, where it can.
        return Finding(f"model {model_id}", Verdict.NOTE, error.without_path()), _LIKELY_FAMILY
    return Finding(f"model {model_id}", Verdict.GOOD, printable(checkpoint.folder)), checkpoint.family


def _device(device: str, dtype: str, family: str) -> Finding:
    asked = subprocess.run(
        [sys.executable, "-m", "watcherd.engine.describe", device, dtype, family],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_DEVICE_TIMEOUT_S,
        check=False,
    )
    said = (asked.stdout.strip() or asked.stderr.strip() or f"exit status {asked.returncode}").splitlines()[-1]
    return Finding("device", Verdict.GOOD if asked.returncode == 0 else Verdict.BAD, said)
