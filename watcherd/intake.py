"""What discovery sees, on its way into the ledger and the log."""

import os
import time
from contextlib import suppress
from pathlib import Path

from watcherd.discovery.sightings import (
    CutOff,
    FolderUnreadable,
    Found,
    Gone,
    RootOffline,
    RootOnline,
    ScanComplete,
    Sighting,
    Unreadable,
    WatchLimitReached,
)
from watcherd.errors import PublishBlockedError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import KnownPath, Novelty
from watcherd.publication import destination_of, forget_lost_sidecars
from watcherd.roots import Roots
from watcherd.service.events import Event, log
from watcherd.sidecars.publish import remove_stale_temps


class Intake:
    """Takes sightings in, one after the other, on the main thread."""

    def __init__(self, roots: Roots, ledger: Ledger) -> None:
        self._roots = roots
        self._ledger = ledger

    def sighted(self, sighting: Sighting) -> None:
        """Take note of what discovery saw."""
        match sighting:
            case Found():
                self._found(sighting)
            case Unreadable(root=root, path=path, error=error):
                self._ledger.paths.bind_unreadable(path, error)
                log(Event.BLOCKED, root=root, path=path, error=error)
            case CutOff(root=root, path=path, why=why):
                log(Event.CUT_OFF, root=root, path=path, why=why)
            case Gone(root=root, path=path):
                forget_lost_sidecars(self._ledger, path)
                self._ledger.paths.forget([path])
                log(Event.GONE, root=root, path=path)
            case FolderUnreadable(root=root, path=path, error=error):
                log(Event.BLOCKED, root=root, path=path, error=error)
            case _:
                self._root_sighted(sighting)

    def _root_sighted(self, sighting: RootOnline | RootOffline | ScanComplete | WatchLimitReached) -> None:
        match sighting:
            case RootOnline(root=root, mode=mode, why=why):
                if self._roots.came(root):
                    log(Event.ROOT_ONLINE, root=root)
                log(Event.ROOT_WATCHED, root=root, mode=mode, why=why)
                self._clean_up(root)
            case RootOffline(root=root, why=why):
                self._roots.left(root)
                log(Event.ROOT_OFFLINE, root=root, why=why)
            case WatchLimitReached(root=root, problem=problem, remedy=remedy):
                log(Event.WATCH_LIMIT, root=root, why=problem, how=remedy)
            case ScanComplete(root=root):
                log(Event.SCANNED, root=root, recordings=sighting.recordings)

    def _clean_up(self, folder: Path) -> None:
        """Remove what runs that were cut off left half-written, also where the recording has gone meanwhile."""
        root = self._roots.of(folder)
        if root is None:
            return
        known = self._ledger.read.paths_under(folder)
        for destination in {destination_of(root, each.path) for each in known}:
            with suppress(PublishBlockedError):
                remove_stale_temps(destination.folder, time.time(), destination.root)

    def _found(self, found: Found) -> None:
        paths = self._ledger.paths
        binding = paths.bind(found.path, found.stat_key, found.sha256, found.packet_sha256)
        if binding.novelty is Novelty.NEW_PATH:
            forget_lost_sidecars(self._ledger, found.path)
            others = self._forget_moved(binding.content_id, found.path)
            old_path = others[0] if others else None
            log(Event.KNOWN_CONTENT, root=found.root, path=found.path, old_path=old_path, state=binding.state)
        elif binding.novelty is Novelty.NEW_CONTENT:
            log(Event.FOUND, root=found.root, path=found.path)

    def _forget_moved(self, content_id: int, path: Path) -> list[Path]:
        """A move is seen as the new name first: the old one goes now, so that its sidecars can follow at once.

        Returns the other paths of the content, as they were before.
        """
        others = [known for known in self._ledger.read.paths_of(content_id) if known.path != path]
        gone = (other.path for other in others if self._roots.is_online(other.path) and _is_gone(other))
        self._ledger.paths.forget(gone)
        return [other.path for other in others]


def _is_gone(known: KnownPath) -> bool:
    """Whether the file is not there although its file system is: a share that is not mounted takes nothing away."""
    if known.stat_key is None or os.path.lexists(known.path):
        return False
    there = next(parent for parent in known.path.parents if parent.exists())
    return there.stat().st_dev == known.stat_key.dev
