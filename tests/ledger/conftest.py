"""A ledger on a real file, a clock that only tests move, and the shortest ways to every state."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from watcherd.decisions import Decision, WindowDecision
from watcherd.errors import MediaError, OutOfMemoryError, ToolMissingError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Binding, Entry, Publication, Result, StatKey, Work
from watcherd.ledger.states import State
from watcherd.transcript import Segment, Transcript

ROOT = Path("/rec")

SPEECH = Transcript("en", 2500, (Segment(0, 1200, "Hello there."), Segment(1300, 2500, "Grüße.")))
SILENCE = Transcript(None, 4000, ())
WINDOWS = (
    WindowDecision(0, 2500, "Hello there. Grüße.", -0.2, 1.1, 0.03, Decision.KEPT, "", tail_read_again=False),
    WindowDecision(2600, 4000, "you", -1.4, 0.3, None, Decision.DROPPED, "it is guessed", tail_read_again=False),
)

TORN = MediaError("moov atom not found", remedy="Copy the recording again")
HICCUP = OutOfMemoryError("the device has no memory left")
NO_FFMPEG = ToolMissingError("ffmpeg is not installed", remedy="apt install ffmpeg")


@dataclass
class FakeClock:
    """Stands still until it is moved."""

    now: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class Desk:
    """A ledger with what a test needs to work with it; contents and paths are named by short words."""

    ledger: Ledger
    database: Path
    clock: FakeClock
    roots: list[Path] = field(default_factory=lambda: [ROOT])
    _stats: int = 0

    def path(self, name: str) -> Path:
        return ROOT / name

    def sha(self, content: str) -> bytes:
        return hashlib.sha256(content.encode()).digest()

    def bind(self, name: str, content: str, packets: str | None = None) -> Binding:
        self._stats += 1
        self.clock.advance(milliseconds=1)
        stat_key = StatKey(1, self._stats, 1000, 5, 6)
        return self.ledger.paths.bind(
            self.path(name), stat_key, self.sha(content), None if packets is None else self.sha(packets)
        )

    def next(self) -> Work:
        work = self.ledger.queue.next(self.roots)
        assert work is not None
        return work

    def claim(self) -> Work:
        work = self.next()
        self.ledger.queue.claim(work)
        return work

    def result(self, transcript: Transcript = SPEECH) -> Result:
        return Result(transcript, "packaged:base", "rev1", "fp1", 700, WINDOWS)

    def transcribe(self, transcript: Transcript = SPEECH) -> Work:
        work = self.claim()
        self.ledger.queue.store_result(work.content_id, self.result(transcript))
        return work

    def due(self) -> list[Publication]:
        return self.ledger.publishing.due(self.roots)

    def publish(self) -> None:
        for publication in self.due():
            sidecar = publication.path.with_suffix(".srt")
            self.ledger.publishing.intend(publication, sidecar, "srt", self.sha("words"))
            self.ledger.publishing.written(sidecar)
            self.ledger.publishing.published(publication)

    def finish(self, name: str, content: str, packets: str | None = None) -> int:
        """Bind, transcribe and publish; the only thing in the queue."""
        binding = self.bind(name, content, packets)
        self.transcribe()
        self.publish()
        return binding.content_id

    def entry(self, name: str) -> Entry:
        entry = self.ledger.read.entry(self.path(name))
        assert entry is not None
        return entry

    def state(self, name: str) -> State:
        return self.entry(name).state

    def bring_to(self, state: State) -> int:
        """A content "c" under the name "a.mp3" in this state, and nothing else in the ledger."""
        content_id = self.bind("a.mp3", "c").content_id
        queue = self.ledger.queue
        match state:
            case State.RUNNING:
                self.claim()
            case State.TRANSCRIBED:
                self.transcribe()
            case State.DONE:
                self.transcribe()
                self.publish()
            case State.NO_SPEECH:
                self.transcribe(SILENCE)
                self.publish()
            case State.RETRY:
                queue.fail(self.claim().content_id, HICCUP)
            case State.BLOCKED:
                queue.fail(self.claim().content_id, NO_FFMPEG)
            case State.FAILED:
                queue.fail(self.claim().content_id, TORN)
            case State.SUPERSEDED:
                self.ledger.paths.forget([self.path("a.mp3")])
        return content_id

    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.database, self.clock)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database, clock = tmp_path / "state" / "ledger.sqlite3", FakeClock()
    desk = Desk(Ledger.open(database, clock), database, clock)
    yield desk
    desk.ledger.close()
