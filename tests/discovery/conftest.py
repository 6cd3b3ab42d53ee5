"""Discovery as the daemon uses it: real inotify, a real ledger that takes note of what is told, and a quick pace."""

import queue
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from watcherd.discovery.discovery import Discovery, ignore_sigio
from watcherd.discovery.pace import Pace
from watcherd.discovery.sightings import Found, Gone, ScanComplete, Sighting, Unreadable
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader

PATIENCE_S = 30.0
"""How long it may be quiet before a test fails that awaits something; a fraction of it is enough."""

QUICK = Pace(
    rescan_s=3600, poll_s=0.2, health_s=0.1, retry_events_s=0.3, rearm_s=0.1, gone_grace_s=0.6, stop_s=PATIENCE_S
)
"""Without the rescan that would cover up what events miss."""

Kind = TypeVar("Kind", bound=Sighting)


@dataclass(frozen=True)
class Root:
    """A watched folder; unlike the configured one it settles at once."""

    path: Path
    recursive: bool = True
    mode: Literal["auto", "events", "poll"] = "auto"
    settle_s: float = 0.0
    exclude: tuple[str, ...] = ()
    sync_conflicts: Literal["skip", "transcribe"] = "skip"


class World:
    """A ledger, and the discovery that fills it. All that was told is in ``told``, in its order."""

    def __init__(self, ledger: Ledger, database: Path) -> None:
        self.ledger = ledger
        self.told: list[Sighting] = []
        self._database = database
        self._inbox: queue.SimpleQueue[Sighting] = queue.SimpleQueue()
        self._running: list[Discovery] = []

    def start(self, *roots: Root, pace: Pace = QUICK) -> Discovery:
        """Start, and come back at once."""
        discovery = Discovery(roots, lambda: Reader.open(self._database), self._inbox.put, pace)
        self._running.append(discovery)
        discovery.start()
        return discovery

    def scanned(self, *roots: Root, pace: Pace = QUICK) -> Discovery:
        """Start, and come back when every root has been scanned to its end."""
        discovery = self.start(*roots, pace=pace)
        for root in roots:
            self._scan_of(root)
        return discovery

    def stop(self) -> None:
        while self._running:
            self._running.pop().stop()

    def wait(
        self, kind: type[Kind], match: Callable[[Kind], bool] = lambda _: True, *, after: Sighting | None = None
    ) -> Kind:
        """The first that was or will be told; ``after`` another one, if given."""
        start = 0 if after is None else self._position(after) + 1
        while True:
            for sighting in self.told[start:]:
                if isinstance(sighting, kind) and match(sighting):
                    return sighting
            start = len(self.told)
            self._next(kind)

    def found(self, path: Path, *, after: Sighting | None = None) -> Found:
        return self.wait(Found, lambda found: found.path == path, after=after)

    def gone(self, path: Path) -> Gone:
        return self.wait(Gone, lambda gone: gone.path == path)

    def until(self, condition: Callable[[], bool]) -> None:
        """Take note of what is told until the condition holds."""
        while not condition():
            self._next(condition)

    def paths(self, kind: type[Found] | type[Gone] | type[Unreadable] = Found) -> list[Path]:
        """Of all that was told so far of this kind."""
        return [sighting.path for sighting in self.told if isinstance(sighting, kind)]

    def rescan(self, root: Root) -> ScanComplete:
        """A scan from its beginning to its end: what was not told by then is not told without a new event."""
        last = self.told[-1]
        self._running[-1].rescan()
        return self._scan_of(root, after=last)

    def _scan_of(self, root: Root, after: Sighting | None = None) -> ScanComplete:
        return self.wait(ScanComplete, lambda scan: scan.root == root.path, after=after)

    def _position(self, sighting: Sighting) -> int:
        return next(index for index, told in enumerate(self.told) if told is sighting)

    def _next(self, awaited: object) -> None:
        try:
            sighting = self._inbox.get(timeout=PATIENCE_S)
        except queue.Empty:
            pytest.fail(f"{awaited} was awaited; told was {self.told}")
        self.told.append(sighting)
        match sighting:
            case Found():
                paths = self.ledger.paths
                paths.bind(sighting.path, sighting.stat_key, sighting.sha256, sighting.packet_sha256)
            case Unreadable():
                self.ledger.paths.bind_unreadable(sighting.path, sighting.error)
            case Gone():
                self.ledger.paths.forget([sighting.path])


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    previous = signal.getsignal(signal.SIGIO)
    ignore_sigio()
    database = tmp_path_factory.mktemp("ledger") / "ledger.sqlite3"
    ledger = Ledger.open(database)
    world = World(ledger, database)
    try:
        yield world
    finally:
        world.stop()
        ledger.close()
        signal.signal(signal.SIGIO, previous)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to watch."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    return folder
