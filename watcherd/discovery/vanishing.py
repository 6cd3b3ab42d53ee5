"""Known paths that hold no file any more, on their way to being told gone."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.ledger.records import KnownPath, StatKey

PATIENCE_S: Final = 60.0
"""How long a file of the same size that is not identified yet can keep a path from being told gone."""


@dataclass(frozen=True, slots=True)
class _Absence:
    stat_key: StatKey | None
    since: float


class Vanished:
    """Waits a little with each: what was moved should be told under its new name first.

    A file of the same size that is about to be identified may be the one that left, so its identity is waited for.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._absent: dict[Path, _Absence] = {}

    def __bool__(self) -> bool:
        return bool(self._absent)

    def note(self, known: KnownPath, now: float) -> None:
        """Take note of an absence."""
        self._absent.setdefault(known.path, _Absence(known.stat_key, now))

    def drop(self, path: Path) -> None:
        """Forget it: something is there again."""
        self._absent.pop(path, None)

    def clear(self) -> None:
        """Forget all."""
        self._absent.clear()

    def take_due(self, now: float, awaited_sizes: Collection[int]) -> list[tuple[Path, StatKey | None]]:
        """Those that have waited long enough, with what was last known of each file; they are forgotten."""
        due = []
        for path, absence in self._absent.items():
            waited_s = now - absence.since
            awaited = absence.stat_key is not None and absence.stat_key.size in awaited_sizes
            if waited_s >= (PATIENCE_S if awaited else self._grace_s):
                due.append((path, absence.stat_key))
        for path, _ in due:
            del self._absent[path]
        return due
