"""When is a file complete? Unchanged for long enough since it was first seen, and nobody writes it.

The age of a file's times proves nothing: sync programs and ``cp -p`` give new files old ones. So the time without a
change is measured here, by a monotonic clock that comes in as ``now``, in seconds.
"""

import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.discovery.leases import Writer
from watcherd.ledger.records import StatKey

CONFIRMATION_S: Final = 1.0
"""How long even a file that is to all appearances complete has to stay unchanged."""

UNKNOWN_FACTOR: Final = 3
UNKNOWN_AT_LEAST_S: Final = 10.0
"""Where nobody can say whether the file has a writer: three times the settle time, and at least this."""

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 12.0
"""Between two looks at a file that somebody has open for writing: twice as long each time, up to this."""

CUT_OFF_WAITS_S: Final = (30.0, 60.0, 120.0, 240.0)
"""How long a file has to stay unchanged whose end seems to be missing, one time after the other. Then it is taken as it
is: some recorders never finish their files, and a copy that goes on later is another content."""

RESTLESS_AT_LEAST_S: Final = 1.0


@dataclass(slots=True)
class _File:
    key: StatKey
    first_seen: float
    unchanged_since: float
    look_at: float
    changes: int = 0
    finished: bool = False
    """A writer closed it, or it was moved here."""
    reopened: bool = False
    """It grew again after that, so that being closed says nothing about this file."""
    writer: Writer | None = None
    wait_s: float = 0.0
    needed_s: float | None = None
    """How long it has to stay as it is, if not as long as others; until it changes."""


class Settler:
    """The files of one root that are not complete yet.

    ``see`` tells it of a file, ``due`` says which to look at again, and ``judge`` takes what that look found.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._confirmation_s = min(settle_s, CONFIRMATION_S)
        # Who asks for no waiting at all gets none.
        self._unknown_s = max(settle_s * UNKNOWN_FACTOR, UNKNOWN_AT_LEAST_S) if settle_s else 0.0
        self._files: dict[Path, _File] = {}
        self._agenda: list[tuple[float, int, Path]] = []
        self._cut_off: dict[Path, tuple[StatKey, int]] = {}
        self._number = itertools.count()

    def __contains__(self, path: Path) -> bool:
        return path in self._files

    def see(self, path: Path, key: StatKey, now: float, *, touched: bool = False, finished: bool = False) -> None:
        """Take note of a file: ``touched`` where an event named it, ``finished`` where it was closed or moved there."""
        file = self._files.get(path)
        if file is None:
            file = self._files[path] = _File(key, now, now, now)
        elif key != file.key:
            self._changed(file, key, now)
        elif touched:
            file.unchanged_since = now
        else:
            return
        file.finished = file.finished or finished
        self._schedule(path, file, now + self._confirmation_s)

    def due(self, now: float) -> list[Path]:
        """The files to look at now, each of them once: ``judge`` or ``drop`` has to follow."""
        paths = []
        while self._agenda and self._agenda[0][0] <= now:
            if (path := self._on_agenda(*heapq.heappop(self._agenda))) is not None:
                self._files[path].look_at = float("inf")
                paths.append(path)
        return paths

    def next_due(self) -> float | None:
        """When the next file is to be looked at; None where there is none."""
        while self._agenda and self._on_agenda(*self._agenda[0]) is None:
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def judge(self, path: Path, key: StatKey, writer: Writer, *, now: float, wall_ns: int) -> bool:
        """Whether the file is complete; it is forgotten then, else it becomes due again.

        Args:
            path: one that ``due`` gave out.
            key: what the file is now.
            writer: whether anybody writes it now.
            now: by the monotonic clock.
            wall_ns: by the clock that files get their times from, in nanoseconds.
        """
        file = self._files[path]
        if key != file.key:
            self._changed(file, key, now)
        file.writer = writer
        if writer is Writer.SOMEBODY:
            file.wait_s = min(max(2 * file.wait_s, FIRST_WAIT_S), LONGEST_WAIT_S)
            self._schedule(path, file, now + file.wait_s)
            return False
        file.wait_s = 0.0
        ready_at = file.unchanged_since + self._needed_s(file, wall_ns)
        if now >= ready_at:
            del self._files[path]
            return True
        self._schedule(path, file, ready_at)
        return False

    def wait_longer(self, path: Path, key: StatKey, now: float) -> bool:
        """Let a file that was complete by ``judge``, and seems to be cut off, settle again; False once that is over."""
        known, waits = self._cut_off.get(path, (key, 0))
        if known != key:
            waits = 0
        if self._settle_s == 0 or waits == len(CUT_OFF_WAITS_S):
            self._cut_off.pop(path, None)
            return False
        self._cut_off[path] = (key, waits + 1)
        file = self._files[path] = _File(key, now, now, now, needed_s=CUT_OFF_WAITS_S[waits])
        self._schedule(path, file, now + CUT_OFF_WAITS_S[waits])
        return True

    def drop(self, path: Path) -> None:
        """Forget a file."""
        self._files.pop(path, None)
        self._cut_off.pop(path, None)

    def clear(self) -> None:
        """Forget all files."""
        self._files.clear()
        self._cut_off.clear()
        self._agenda.clear()

    def is_restless(self, path: Path, now: float) -> bool:
        """Whether the file was given the time that a complete one needs, and somebody still writes or changes it.

        One whose end seems to be missing counts as such.
        """
        file = self._files.get(path)
        if file is None:
            return False
        if file.needed_s is not None:
            return True
        watched_s = now - file.first_seen
        if file.writer is Writer.SOMEBODY:
            return watched_s >= max(self._settle_s, RESTLESS_AT_LEAST_S)
        needed_s = self._unknown_s if file.writer is Writer.UNKNOWN else self._settle_s
        return file.changes > 0 and watched_s >= max(2 * needed_s, RESTLESS_AT_LEAST_S)

    def sizes(self) -> Iterable[int]:
        """The sizes of all files that are waiting, without those that have a writer. Any thread may ask."""
        return [file.key.size for file in tuple(self._files.values()) if file.writer is not Writer.SOMEBODY]

    def _needed_s(self, file: _File, wall_ns: int) -> float:
        if file.needed_s is not None:
            return file.needed_s
        if file.writer is Writer.UNKNOWN:
            return self._unknown_s
        looks_old = wall_ns - file.key.mtime_ns >= self._settle_s * 1e9
        # Nobody has it open, so a change can only come from somebody who opens it anew, and that one was at it lately.
        if not file.reopened and (file.finished or looks_old):
            return self._confirmation_s
        return self._settle_s

    def _changed(self, file: _File, key: StatKey, now: float) -> None:
        file.reopened = file.reopened or (file.finished and key.size != file.key.size)
        file.key = key
        file.unchanged_since = now
        file.needed_s = None
        file.changes += 1

    def _on_agenda(self, at: float, _: int, path: Path) -> Path | None:
        """The path, unless it was dropped or scheduled for another time since."""
        file = self._files.get(path)
        return path if file is not None and file.look_at == at else None

    def _schedule(self, path: Path, file: _File, at: float) -> None:
        file.look_at = at
        heapq.heappush(self._agenda, (at, next(self._number), path))
