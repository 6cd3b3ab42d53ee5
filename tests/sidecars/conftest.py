"""A folder of recordings with a real ledger behind it, and file systems that are small, read-only or foreign."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.sidecars.place import Place
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Result, StatKey
from watcherd.publication import publish
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.placement import PublishReport, Wishes
from watcherd.sidecars.publish import Outcome
from watcherd.transcript import Segment, Transcript

RECORDINGS = {".mp3", ".wav", ".m4a"}


def spoken(text: str, language: str | None = "en") -> Transcript:
    """What is recognised in a recording that holds this text; in an empty one, nobody speaks."""
    duration_ms = 100 + 70 * len(text)
    return Transcript(language, duration_ms, (Segment(100, duration_ms, text),) if text else ())


def srt(text: str) -> bytes:
    """The subtitles of a short text."""
    end_ms = 600 + 70 * len(text)
    return f"1\n00:00:00,100 --> 00:00:{end_ms // 1000:02},{end_ms % 1000:03}\n{text}\n".encode()


@dataclass
class Shelf:
    """A watched folder and the ledger. A recording's bytes are the words that are spoken in it."""

    folder: Path
    database: Path
    ledger: Ledger
    formats: Sequence[str] = ("srt", "txt")
    language: str | None = "en"
    language_suffix: bool = False
    output: Path | None = None
    reports: dict[str, PublishReport] = field(default_factory=dict)

    def record(self, name: str, words: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
        return path

    def names(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if not path.is_dir()}

    def sidecars(self) -> set[str]:
        return {name for name in self.names() if Path(name).suffix not in RECORDINGS}

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def scan(self) -> None:
        """What discovery does: bind what is there, forget what is not."""
        paths = sorted(path for path in self.folder.rglob("*") if path.suffix in RECORDINGS)
        for path in paths:
            self.ledger.paths.bind(path, StatKey.from_stat(path.stat()), hashlib.sha256(path.read_bytes()).digest())
        gone = [entry.path for entry in self.ledger.read.entries() if entry.path not in paths]
        self.ledger.paths.forget(gone)

    def publish(self) -> None:
        """What the daemon does: transcribe and publish all there is to do."""
        self.transcribe()
        self.publish_due()

    def transcribe(self) -> None:
        self.scan()
        while work := self.ledger.queue.next([self.folder]):
            self.ledger.queue.claim(work)
            result = Result(spoken(work.path.read_text(), self.language), "packaged:base", None, "", 1)
            self.ledger.queue.store_result(work.content_id, result)

    def publish_due(self) -> None:
        for due in self.ledger.publishing.due([self.folder]):
            result = self.ledger.read.result(due.content_id)
            assert result is not None
            report = publish(
                self.ledger,
                due,
                result,
                Wishes(tuple(self.formats), language_suffix=self.language_suffix),
                self.destination(due.path),
            )
            self.ledger.publishing.published(due)
            self.reports[due.path.name] = report

    def outcomes(self, recording: str) -> dict[str, Outcome]:
        """What became of each sidecar of a recording when it was last published."""
        return {sidecar.path.name: sidecar.outcome for sidecar in self.reports[recording].sidecars}

    def destination(self, recording: Path) -> Destination:
        if self.output is None:
            return Destination.beside(recording, self.folder)
        return Destination.mirrored(recording, self.folder, self.output)

    def again(self, name: str) -> None:
        """Make the sidecars of a path due again, as a recording does that is gone for a moment and comes back."""
        path = self.folder / name
        self.ledger.paths.forget([path])
        self.publish()

    def redo(self, name: str) -> None:
        known = self.ledger.read.path(self.folder / name)
        assert known is not None
        assert known.content_id is not None
        self.ledger.queue.redo(known.content_id)
        self.publish()

    def reopen(self) -> None:
        """As a daemon that starts after one that was killed."""
        self.ledger.close()
        self.ledger = Ledger.open(self.database)
        self.ledger.queue.recover()

    def start_over(self) -> None:
        """With an empty folder and an empty ledger."""
        self.ledger.close()
        for file in (*self.folder.iterdir(), *self.database.parent.glob("ledger.sqlite3*")):
            file.unlink()
        self.ledger = Ledger.open(self.database)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    folder = tmp_path / "recordings"
    folder.mkdir()
    database = tmp_path / "ledger.sqlite3"
    shelf = Shelf(folder, database, Ledger.open(database))
    yield shelf
    shelf.ledger.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return Place(folder)


Mount = Callable[[str], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """An empty tmpfs of 8 MiB, and a way to mount it anew with other options."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this root may not mount file systems")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)

    yield folder, remount
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def unprivileged() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
