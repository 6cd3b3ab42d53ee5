"""A real daemon over a folder of its own, for the time of a measurement."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 3600


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is ready."""

    process: subprocess.Popen[str]
    config: Path
    folder: Path

    def status(self) -> Mapping[str, Any]:
        """What ``watcherd status --json`` says."""
        command = [sys.executable, "-m", "watcherd", "status", "--json", "-c", str(self.config)]
        status: Mapping[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return status


@contextmanager
def running(place: Path, model: str) -> Iterator[Daemon]:
    """Start a daemon with its model loaded, and end it."""
    folder, config = place / "recordings", place / "config.toml"
    folder.mkdir()
    config.write_text(
        f'[model]\nid = "{model}"\n[[watch]]\npath = "{folder}"\n[ledger]\npath = "{place}/ledger.sqlite3"\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "watcherd", "run", "-c", config], stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for_ready(process)
        yield Daemon(process, config, folder)
    finally:
        process.terminate()
        process.wait()


def _wait_for_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "is ready on" in line:
            # Whatever it says from now on must not fill the pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return
    raise RuntimeError("the daemon did not start:\n" + "".join(said))
