"""The real daemon in a process of its own, its commands, and what it says."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from watchdog.events import FileSystemEvent, FileSystemEventHandler

MODEL = "packaged:tiny.en"
PATIENCE_S = 120


@dataclass
class Installation:
    """One configuration with its folder, and the commands over it."""

    config: Path
    folder: Path

    def command(self, *arguments: str | Path) -> list[str]:
        name, *rest = map(str, arguments)
        return [sys.executable, "-m", "watcherd", name, "-c", str(self.config), *rest]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, errors="surrogateescape", check=False
        )

    def listed(self) -> dict[str, dict[str, Any]]:
        """By the name relative to the folder."""
        entries = json.loads(self.run("list", "--json").stdout)
        return {os.path.relpath(entry["path"], self.folder): entry for entry in entries}


class Changes(FileSystemEventHandler):
    """Wakes whoever waits for something to be so in a folder."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def on_any_event(self, event: FileSystemEvent) -> None:
        del event
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(so, PATIENCE_S), "it never came to be so"


class Log:
    """What a daemon says, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()

    def close(self) -> None:
        self._thread.join()

    def wait_for(self, text: str, times: int = 1) -> None:
        with self._said:
            found = self._said.wait_for(lambda: sum(text in line for line in self.lines) >= times, PATIENCE_S)
        assert found, f"never said {text!r}, but:\n{''.join(self.lines)}"


@dataclass
class Running:
    """A daemon at work."""

    process: subprocess.Popen[str]
    log: Log

    @property
    def engine(self) -> psutil.Process:
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def words(path: Path) -> list[str]:
    return "".join(c for c in path.read_text().lower() if c.isalpha() or c.isspace()).split()
