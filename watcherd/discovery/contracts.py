"""What discovery needs of other rooms, so that it depends on neither the configuration nor an open ledger."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from watcherd.ledger.records import KnownPath, StatKey


class WatchRoot(Protocol):
    """A watched folder as it is configured."""

    @property
    def path(self) -> Path:
        """Absolute; may be a symbolic link to the folder."""

    @property
    def recursive(self) -> bool:
        """Whether its sub-folders belong to it."""

    @property
    def mode(self) -> Literal["auto", "events", "poll"]:
        """How to watch it."""

    @property
    def settle_s(self) -> float:
        """Seconds without a change after which a file counts as complete."""

    @property
    def exclude(self) -> tuple[str, ...]:
        """Patterns in the manner of gitignore, relative to ``path``."""

    @property
    def sync_conflicts(self) -> Literal["skip", "transcribe"]:
        """What to do with the copies that sync programs make of a file that two sides changed."""


class KnownPaths(Protocol):
    """What the ledger knows of paths. For one thread: the one that opened it."""

    def is_known(self, path: Path, stat_key: StatKey, /) -> bool:
        """Whether this file was read under this path, so that it need not be hashed again."""

    def knows_content(self, sha256: bytes, /) -> bool:
        """Whether the content was ever seen."""

    def path(self, path: Path, /) -> KnownPath | None:
        """What is known of one path."""

    def paths_under(self, folder: Path, /) -> Iterable[KnownPath]:
        """Every known path below a folder, at any depth."""


OpenKnownPaths = Callable[[], AbstractContextManager[KnownPaths]]
"""Opens a reader of the ledger for the calling thread."""
