"""The files of one root on their way from being seen to being told."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from watcherd.discovery.candidates import Candidates, why_not_kind, why_not_reached
from watcherd.discovery.contracts import KnownPaths, WatchRoot
from watcherd.discovery.hashing import Hashed, Hasher
from watcherd.discovery.identity import Identity, stat_key
from watcherd.discovery.inbox import Hint
from watcherd.discovery.keeping import RootKeeper
from watcherd.discovery.leases import Writer, writer_of
from watcherd.discovery.settling import Settler
from watcherd.discovery.sightings import CutOff, Found, Sighting, Unreadable
from watcherd.discovery.vanishing import Vanished
from watcherd.errors import RecordingChangedError, WatcherdError
from watcherd.ledger.records import StatKey


class Tracker:
    """For one thread, but for ``sizes``. A path begins with the root's."""

    def __init__(
        self,
        *,
        root: WatchRoot,
        known: KnownPaths,
        keeper: RootKeeper,
        hasher: Hasher,
        vanished: Vanished,
        emit: Callable[[Sighting], None],
    ) -> None:
        self._root = root.path
        self._candidates = Candidates(root)
        self._known = known
        self._keeper = keeper
        self._hasher = hasher
        self._vanished = vanished
        self._emit = emit
        self._settler = Settler(root.settle_s)
        self._told: dict[Path, tuple[StatKey, bool]] = {}
        self._unreadable: dict[Path, str] = {}
        self._cut_off: set[Path] = set()

    def look(self, path: Path, hint: Hint, now: float) -> Path | None:
        """Look at a path, whatever it is. A folder that should be walked through is returned."""
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            self.missing(path, now)
            return None
        except OSError:
            return None  # the folder is closed to us, and the next scan tells it
        relative = path.relative_to(self._root)
        if why_not_reached(self._root, relative) is not None:
            return None
        if stat.S_ISDIR(status.st_mode):
            return path if self._candidates.why_not_folders(relative.as_posix()) is None else None
        if self._candidates.why_not_path(relative.as_posix()) is None:
            self.see(path, status, hint, now)
        return None

    def see(self, path: Path, status: os.stat_result, hint: Hint, now: float) -> None:
        """Take up a file whose names are those of a recording."""
        if why_not_kind(status) is not None:
            self._not_a_recording(path, status, now)
            return
        self._vanished.drop(path)
        key = StatKey.from_stat(status)
        if Hint.ASKED in hint:
            self._told.pop(path, None)
            self._unreadable.pop(path, None)
        elif self._told.get(path, (None,))[0] == key or self._hasher.ordered(path) == key:
            return
        self._hasher.cancel(path)
        if self._known.is_known(path, key):
            self._told.pop(path, None)
            self._settler.drop(path)
        else:
            touched, finished = Hint.NOTICED in hint, Hint.FINISHED in hint
            self._settler.see(path, key, now, touched=touched, finished=finished)

    def missing(self, path: Path, now: float) -> None:
        """Take note that nothing is there: neither at the path nor, where it was a folder, below it."""
        self.forget(path)
        if (known := self._known.path(path)) is not None:
            self._vanished.note(known, now)
        for below in self._known.paths_under(path):
            self._vanished.note(below, now)

    def forget(self, path: Path) -> None:
        """Let a file go; the next look at it is the first."""
        self._settler.drop(path)
        self._hasher.cancel(path)
        self._told.pop(path, None)
        self._unreadable.pop(path, None)
        self._cut_off.discard(path)

    def settle(self, now: float) -> None:
        """Look again at the files whose time has come, and have those hashed that are complete."""
        for path in self._settler.due(now):
            try:
                status = path.lstat()
            except OSError:
                self.missing(path, now)
                continue
            if why_not_kind(status) is not None:
                self._not_a_recording(path, status, now)
                continue
            key = StatKey.from_stat(status)
            if self._settler.judge(path, key, self._writer_of(path), now=now, wall_ns=time.time_ns()):
                self._hasher.order(path, key)

    def hashed(self, result: Hashed, now: float) -> None:
        """Tell what came of hashing, or look again where the file changed meanwhile."""
        if not self._hasher.take(result):
            return
        match result.outcome:
            case RecordingChangedError():
                self.look(result.path, Hint.NOTICED, now)
            case WatcherdError() as error:
                self._tell_unreadable(result.path, error)
            case Identity() as identity:
                self._identified(result, identity, now)

    def next_scan(self) -> None:
        """Of what was told, remember no more than what was told since the last call.

        The ledger knows it by then. Should it not, because nobody took note of it, it is told again.
        """
        self._told = {path: (key, False) for path, (key, is_new) in self._told.items() if is_new}

    def clear(self) -> None:
        """Let all files go that were not told yet."""
        self._settler.clear()
        self._hasher.cancel_all()

    def next_due(self) -> float | None:
        """When ``settle`` is to be called again; None where no file waits."""
        return self._settler.next_due()

    def is_pending(self, path: Path) -> bool:
        """Whether something will still be told of the file."""
        return path in self._settler or self._hasher.ordered(path) is not None

    def is_restless(self, path: Path, now: float) -> bool:
        """Whether somebody keeps writing the file."""
        return self._settler.is_restless(path, now)

    def sizes(self) -> set[int]:
        """The sizes of the files that will be told soon. Any thread may ask."""
        return {*self._settler.sizes(), *self._hasher.sizes()}

    def _not_a_recording(self, path: Path, status: os.stat_result, now: float) -> None:
        self.forget(path)
        known = None if stat.S_ISREG(status.st_mode) else self._known.path(path)
        if known is not None:
            self._vanished.note(known, now)

    def _writer_of(self, path: Path) -> Writer:
        mounts = self._keeper.mounts
        return writer_of(path) if mounts is not None and mounts.is_local(path) else Writer.UNKNOWN

    def _identified(self, result: Hashed, identity: Identity, now: float) -> None:
        if identity.stat_key != result.ordered or not self._is_still(result.path, result.ordered):
            self.look(result.path, Hint.NOTICED, now)
        elif not result.packets_tried and not self._known.knows_content(identity.sha256):
            is_whole = self._writer_of(result.path) is not Writer.UNKNOWN
            self._hasher.order_packets(result.path, result.ordered, identity, is_whole=is_whole)
        elif result.cut_off is not None and self._settler.wait_longer(result.path, result.ordered, now):
            self._tell_cut_off(result.path, result.cut_off)
        else:
            self._unreadable.pop(result.path, None)
            self._cut_off.discard(result.path)
            self._told[result.path] = (identity.stat_key, True)
            self._emit(Found(self._root, result.path, identity.stat_key, identity.sha256, result.packet_sha256))

    def _tell_unreadable(self, path: Path, error: WatcherdError) -> None:
        if self._unreadable.get(path) != error.problem:
            self._unreadable[path] = error.problem
            self._emit(Unreadable(self._root, path, error))

    def _tell_cut_off(self, path: Path, why: str) -> None:
        if path not in self._cut_off:
            self._cut_off.add(path)
            self._emit(CutOff(self._root, path, why))

    @staticmethod
    def _is_still(path: Path, key: StatKey) -> bool:
        try:
            return stat_key(path) == key
        except OSError:
            return False
