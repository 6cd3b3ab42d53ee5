"""Going through a root: the folders that events name, full scans, and what the scans find missing."""

import itertools
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from watcherd.discovery.candidates import Candidates
from watcherd.discovery.contracts import KnownPaths, WatchRoot
from watcherd.discovery.inbox import Hint
from watcherd.discovery.keeping import RootKeeper
from watcherd.discovery.scanning import Folder, FolderFailed, Seen, walk
from watcherd.discovery.sightings import FolderUnreadable, Gone, ScanComplete, Sighting
from watcherd.discovery.tracking import Tracker
from watcherd.discovery.vanishing import Vanished
from watcherd.errors import FileUnreadableError
from watcherd.ledger.records import StatKey

STEP: Final = 100
"""Files and folders in one go: so few that what happens meanwhile is not kept waiting, even on a slow share."""


class Rounds:
    """For one thread. Walking is done in steps, so that a scan of a million files delays nothing else."""

    def __init__(
        self,
        *,
        root: WatchRoot,
        known: KnownPaths,
        keeper: RootKeeper,
        tracker: Tracker,
        vanished: Vanished,
        emit: Callable[[Sighting], None],
    ) -> None:
        self._root = root.path
        self._candidates = Candidates(root)
        self._known = known
        self._keeper = keeper
        self._tracker = tracker
        self._vanished = vanished
        self._emit = emit
        self._walks: dict[Path, Iterator[Seen | Folder | FolderFailed]] = {}
        self._scan_again = False
        self._began = 0.0
        self._unfinished = False
        self._met = 0
        self._waiting: dict[Path, None] = {}
        self._still_writing: list[Path] = []
        self._failed: set[Path] = set()
        self._failed_before: set[Path] = set()
        self._renumbered: set[tuple[int, int]] = set()

    @property
    def is_walking(self) -> bool:
        """Whether ``step`` should be called again at once."""
        return bool(self._walks)

    @property
    def is_scanning(self) -> bool:
        """Whether a full scan is under way that is not told complete yet."""
        return self._unfinished

    def scan(self, now: float) -> None:
        """Begin a full scan; where one is on its way already, it is followed by another."""
        if self._root in self._walks:
            self._scan_again = True
            return
        self._tracker.next_scan()
        self._walks = {self._root: walk(self._root, self._root, self._candidates)}
        self._began = now
        self._unfinished = True
        self._met = 0
        self._still_writing = []
        self._failed = set()

    def visit(self, folder: Path) -> None:
        """Walk through a folder of the root, from its beginning should that be under way."""
        self._walks[folder] = walk(self._root, folder, self._candidates)

    def step(self, now: float) -> float | None:
        """Walk on a little; where a full scan has just come to its end, the seconds that it took."""
        if not self._walks:
            return None
        # The last one first: a folder that has just appeared does not wait for the end of a scan.
        top, items = next(reversed(self._walks.items()))
        is_scan = top == self._root
        some = list(itertools.islice(items, STEP))
        for item in some:
            self._meet(item, now, is_scan=is_scan)
        if len(some) == STEP:
            return None
        del self._walks[top]
        return self._walked(now) if is_scan else None

    def tell_gone(self, now: float, awaited_sizes: Callable[[], Collection[int]]) -> None:
        """Tell the paths that are missing, once it is certain that they are not only out of reach."""
        if self._walks or not self._vanished:
            return
        due = self._vanished.take_due(now, awaited_sizes())
        if due and not self._keeper.is_same():
            self._vanished.clear()
            return
        for path, stat_key in due:
            if self._is_gone(path, stat_key):
                self._tracker.forget(path)
                self._emit(Gone(self._root, path))

    def tell_complete(self, now: float) -> None:
        """Tell the end of a full scan, once all that it met is told or known, or keeps changing."""
        if not self._unfinished or self._root in self._walks or self._vanished:
            return
        while self._waiting:
            path = next(reversed(self._waiting))
            if self._tracker.is_pending(path):
                if not self._tracker.is_restless(path, now):
                    return
                self._still_writing.append(path)
            del self._waiting[path]
        self._unfinished = False
        still_writing = filter(self._tracker.is_pending, self._still_writing)
        self._emit(ScanComplete(self._root, self._met, tuple(sorted(still_writing))))

    def clear(self) -> None:
        """The root is away: stop everything."""
        self._walks.clear()
        self._waiting.clear()
        self._scan_again = False
        self._unfinished = False

    def _meet(self, item: Seen | Folder | FolderFailed, now: float, *, is_scan: bool) -> None:
        match item:
            case Seen(path=path, status=status):
                self._tracker.see(path, status, Hint(0), now)
                if is_scan:
                    self._met += stat.S_ISREG(status.st_mode) and status.st_size > 0
                    if self._tracker.is_pending(path):
                        self._waiting[path] = None
            case Folder(path=path):
                self._keeper.was_read(path)
            case FolderFailed(path=path, error=error):
                if path not in self._failed | self._failed_before:
                    self._emit(FolderUnreadable(self._root, path, _closed(path, error)))
                self._failed.add(path)

    def _walked(self, now: float) -> float:
        self._failed_before = self._failed
        self._note_missing(now)
        if self._scan_again:
            self._scan_again = False
            self.scan(now)
        return now - self._began

    def _note_missing(self, now: float) -> None:
        self._renumbered.clear()
        for known in self._known.paths_under(self._root):
            try:
                status = known.path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                self._vanished.note(known, now)
                continue
            except OSError:
                continue
            if not stat.S_ISREG(status.st_mode):
                self._vanished.note(known, now)
            elif known.stat_key is not None and status.st_dev != known.stat_key.dev:
                self._note_renumbered(known.stat_key, StatKey.from_stat(status))

    def _note_renumbered(self, then: StatKey, now: StatKey) -> None:
        """A file that differs in the number of its device alone: the file system was mounted again and got another."""
        if (then.ino, then.size, then.mtime_ns, then.ctime_ns) == (now.ino, now.size, now.mtime_ns, now.ctime_ns):
            self._renumbered.add((then.dev, now.dev))

    def _is_gone(self, path: Path, last: StatKey | None) -> bool:
        """Whether no file is at the path, although the file system is there that it was on."""
        try:
            if stat.S_ISREG(path.lstat().st_mode):
                return False
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:
            return False
        if self._known.path(path) is None:
            return False  # the daemon has seen it by itself
        if last is None:
            return True
        device = next(filter(None, map(_device, path.parents)))
        return device == last.dev or (last.dev, device) in self._renumbered


def _closed(folder: Path, error: OSError) -> FileUnreadableError:
    problem = f"the folder cannot be read: {error.strerror or error}"
    return FileUnreadableError(problem, path=folder, remedy="Allow this user to read and enter it, or exclude it")


def _device(folder: Path) -> int | None:
    try:
        return os.lstat(folder).st_dev
    except OSError:
        return None
