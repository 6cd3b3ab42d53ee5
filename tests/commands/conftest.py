"""A ledger with transcripts, made without any model, and the command line over it."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from watcherd.cli import main
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Result, StatKey
from watcherd.transcript import Segment, Transcript

EVERY_MS = 5000


def said(*sentences: str) -> Transcript:
    """One sentence every five seconds."""
    segments = tuple(
        Segment(number * EVERY_MS, number * EVERY_MS + 4000, sentence) for number, sentence in enumerate(sentences)
    )
    return Transcript("en", len(sentences) * EVERY_MS, segments)


@dataclass
class Archive:
    """A watched folder whose recordings were transcribed, with no daemon running."""

    config: Path
    folder: Path
    database: Path

    def add(self, name: str, *sentences: str, model: str = "packaged:base") -> Path:
        """A file, and what was said in it; published nowhere."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name) + "\n".join(sentences).encode())
        self.bind(path)
        with Ledger.open(self.database) as ledger:
            work = ledger.queue.next([self.folder])
            assert work is not None
            ledger.queue.claim(work)
            ledger.queue.store_result(work.content_id, Result(said(*sentences), model, None, "", 1))
        return path

    def bind(self, path: Path) -> None:
        """Know a file as discovery does."""
        with Ledger.open(self.database) as ledger:
            ledger.paths.bind(path, StatKey.from_stat(path.stat()), hashlib.sha256(path.read_bytes()).digest())

    def watcherd(self, command: str, *arguments: str | Path) -> int:
        return main([command, "-c", str(self.config), *map(str, arguments)])


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    folder, config = tmp_path / "recordings", tmp_path / "config.toml"
    folder.mkdir()
    database = tmp_path / "state" / "ledger.sqlite3"
    config.write_text(f'[[watch]]\npath = "{folder}"\n[ledger]\npath = "{database}"\n')
    return Archive(config, folder, database)


class Tty(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Tty:
    """Let commands print to a terminal as wide as this."""
    terminal = Tty()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    return terminal
