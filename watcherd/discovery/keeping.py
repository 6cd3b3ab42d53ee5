"""Whether a root is there, whether it is still the same, and how it is watched."""

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.discovery.contracts import KnownPaths, WatchRoot
from watcherd.discovery.inbox import Inbox
from watcherd.discovery.limits import Limit, remedy
from watcherd.discovery.mounts import Mounts
from watcherd.discovery.observing import EventSource
from watcherd.discovery.pace import Pace
from watcherd.discovery.sightings import Mode, RootOffline, RootOnline, Sighting, WatchLimitReached
from watcherd.names import printable

_SAMPLE: Final = 1000
"""How many known paths are asked which file system they lay on."""

_LIMITS: Final[dict[int, Limit]] = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}


@dataclass(frozen=True, slots=True)
class _Place:
    """What the root's path leads to at one moment."""

    device: int
    inode: int
    mounts: Mounts


class _NotThereError(Exception):
    """The root cannot be watched now; the text is half a sentence."""


class RootKeeper:
    """Keeps a root watched for as long as it is there. For one thread.

    Nothing tells when a root is unmounted, mounted over or mounted again: no event comes, and every thread of watchdog
    lives on, deaf. So ``check``, called again and again, compares the folder and its mounts with what is watched.
    """

    def __init__(
        self, root: WatchRoot, known: KnownPaths, inbox: Inbox, emit: Callable[[Sighting], None], pace: Pace
    ) -> None:
        self._root = root
        self._known = known
        self._inbox = inbox
        self._emit = emit
        self._pace = pace
        self._place: _Place | None = None
        self._was_mount_point = False
        self._told_offline = False
        self._told_mode: Mode | None = None
        self._source: EventSource | None = None
        self._lost_events = False
        self._armed_at = float("-inf")
        self._retry_events_at = float("inf")
        self._limit_told = False
        self._unwatched: Path | None = None
        self._blind_spot: Path | None = None
        self._armed_in_vain = False

    @property
    def is_online(self) -> bool:
        """Whether the root was there at the last check."""
        return self._place is not None

    @property
    def mounts(self) -> Mounts | None:
        """The file systems that the root's files lie on; None while it is offline."""
        return None if self._place is None else self._place.mounts

    def check(self, now: float) -> bool:
        """Look at the root, and watch it anew where that is needed; True where all of it has to be scanned then."""
        try:
            place = self._look()
            if place == self._place:
                return self._renew_events(now)
            self._refuse_unmounted(place)
            if self._place is not None:
                same = (place.device, place.inode) == (self._place.device, self._place.inode)
                self._go_offline("a mount at or below it changed" if same else "another folder took its place")
            self._come_online(place, now)
        except _NotThereError as reason:
            self._go_offline(str(reason))
            return False
        return True

    def is_same(self) -> bool:
        """Whether the root's path leads, at this moment, to the folder that is watched."""
        try:
            status = self._root.path.stat()
        except OSError:
            return False
        return self._place is not None and (status.st_dev, status.st_ino) == (self._place.device, self._place.inode)

    def events_were_lost(self) -> None:
        """At the next check, watch anew: what the present observer knows cannot be trusted."""
        self._lost_events = True

    def was_read(self, folder: Path) -> None:
        """A scan is reading this folder; it should be watched."""
        if self._source is not None and self._unwatched is None and not self._source.watches(folder):
            self._unwatched = folder

    def rescan_s(self, scan_took_s: float) -> float:
        """How long to wait after a scan until the next one."""
        if self._source is not None and self._place is not None and self._place.mounts.foreign is None:
            return self._pace.rescan_s
        return min(max(self._pace.poll_s, 20 * scan_took_s), 2 * self._pace.poll_s)

    def close(self) -> None:
        """Watch no more."""
        self._place = None
        self._disarm()

    # --- the root itself ------------------------------------------------------------------------------------------

    def _look(self) -> _Place:
        path = self._root.path
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise _NotThereError("it does not exist") from None
        except OSError as error:
            raise _NotThereError(f"it cannot be looked at: {error.strerror}") from error
        if not stat.S_ISDIR(status.st_mode):
            raise _NotThereError("it is no folder")
        return _Place(status.st_dev, status.st_ino, Mounts(path))

    def _refuse_unmounted(self, place: _Place) -> None:
        """Not to be taken for the root: the bare folder that something was mounted on before."""
        try:
            with os.scandir(self._root.path) as listing:
                is_empty = next(listing, None) is None
        except OSError as error:
            raise _NotThereError(f"it cannot be read: {error.strerror}") from error
        if not is_empty or place.mounts.is_mount_point:
            return
        sample = itertools.islice(self._known.paths_under(self._root.path), _SAMPLE)
        devices = {known.stat_key.dev for known in sample if known.stat_key is not None}
        if self._was_mount_point or (devices and place.device not in devices):
            raise _NotThereError("it is empty, and its recordings lay on another file system: it seems unmounted")

    def _come_online(self, place: _Place, now: float) -> None:
        self._place = place
        self._was_mount_point = place.mounts.is_mount_point
        self._told_mode = None
        self._armed_in_vain = False
        self._limit_told = False
        self._blind_spot = None
        self._arm(now)
        self._told_offline = False

    def _go_offline(self, why: str) -> None:
        self._place = None
        self._disarm()
        if not self._told_offline:
            self._told_offline = True
            self._emit(RootOffline(self._root.path, why))

    # --- how it is watched ----------------------------------------------------------------------------------------

    def _renew_events(self, now: float) -> bool:
        """Arm again where the observer is dead, deaf, blind in places or was given up; True where that was done."""
        if self._source is None:
            if now < self._retry_events_at:
                return False
            self._arm(now)
            return self._source is not None
        if self._unwatched is not None:
            folder, self._unwatched = self._unwatched, None
            error = self._why_unwatched(self._source, folder)
            if error is not None:
                self._blind_spot = folder
                self._fall_back(error, now)
                return True
        if self._source.is_alive and not self._lost_events:
            return False
        if now < self._armed_at + self._pace.rearm_s:
            return False
        self._arm(now)
        return True

    def _why_unwatched(self, source: EventSource, folder: Path) -> OSError | None:
        """Why a folder was not watched when it was scanned; None where it was only too new, or is to be tried again."""
        if source.watches(folder):
            return None
        try:
            source.probe(folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return error
        if self._armed_in_vain:
            return OSError(errno.EIO, "some of its folders are not watched, for no known reason")
        self._armed_in_vain = True
        self._lost_events = True
        return None

    def _arm(self, now: float) -> None:
        self._disarm()
        self._armed_at = now
        self._lost_events = False
        self._unwatched = None
        self._retry_events_at = float("inf")
        mode, why = self._choice()
        if mode == "poll":
            self._tell_mode("poll", why)
            return
        try:
            self._source = EventSource(self._root.path, self._inbox, recursive=self._root.recursive)
            self._look_at_blind_spot(self._source)
        except (FileNotFoundError, NotADirectoryError):
            raise _NotThereError("it does not exist") from None
        except OSError as error:
            self._fall_back(error, now)
            return
        self._tell_mode("events", why)

    def _look_at_blind_spot(self, source: EventSource) -> None:
        """Whether the folder is watched now for which there was no watch the last time.

        Raises:
            OSError: it still is not.
        """
        folder, self._blind_spot = self._blind_spot, None
        if folder is not None and folder.is_dir() and not source.watches(folder):
            self._blind_spot = folder
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                source.probe(folder)

    def _choice(self) -> tuple[Mode, str]:
        foreign = self._place.mounts.foreign if self._place is not None else None
        if self._root.mode == "poll":
            return "poll", "the configuration says so"
        if self._root.mode == "events":
            return "events", "the configuration says so"
        if foreign is not None:
            place = printable(foreign.point)
            return "poll", f"{foreign.kind}, mounted at {place}, gives no events for what others write"
        kind = self._place.mounts.kind if self._place is not None else "unknown"
        return "events", f"{kind} is a local file system"

    def _fall_back(self, error: OSError, now: float) -> None:
        """Poll for want of events, and try events again later."""
        self._disarm()
        self._retry_events_at = now + self._pace.retry_events_s
        reason = error.strerror or str(error)
        limit = _LIMITS.get(error.errno or 0)
        if limit is not None:
            reason = f"this user has no inotify {'watches' if limit == 'max_user_watches' else 'instances'} left"
            if not self._limit_told:
                self._limit_told = True
                problem = f"{reason} (fs.inotify.{limit}): the folder is polled, and new recordings are noticed later"
                self._emit(WatchLimitReached(self._root.path, problem, remedy(limit)))
        self._tell_mode("poll", reason)

    def _tell_mode(self, mode: Mode, why: str) -> None:
        if mode != self._told_mode:
            self._told_mode = mode
            self._emit(RootOnline(self._root.path, mode, why))

    def _disarm(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()
