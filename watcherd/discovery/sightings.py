"""What discovery tells the daemon, one frozen record for each kind of news.

``root`` is always the path of the watched folder as it is configured, and every ``path`` begins with it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from watcherd.errors import WatcherdError
from watcherd.ledger.records import StatKey

Mode = Literal["events", "poll"]
"""How a root is watched: by inotify (with rescans beside it), or by rescans alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A recording that is complete, and its identity. The ledger did not know the path with this stat key."""

    root: Path
    path: Path
    stat_key: StatKey
    """Of the file whose content was hashed."""
    sha256: bytes
    """Of the content, 32 bytes."""
    packet_sha256: bytes | None = None
    """Of the audio packets, 32 bytes; None for a content that the ledger knew, or in which ffmpeg finds no audio."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A recording that cannot be read. Told once; it is tried again with every scan and told when that changes."""

    root: Path
    path: Path
    error: WatcherdError


@dataclass(frozen=True, slots=True)
class CutOff:
    """A file whose end seems to be missing and that somebody may still be writing, far away. Told once.

    It is told as found when it is whole, or when it has not changed for a few minutes.
    """

    root: Path
    path: Path
    why: str
    """What shows it: half a sentence."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A path that the ledger knows and that holds no file any more, while its root and its file system are there.

    After a move, the new name is told first, as long as the file was only moved and not changed.
    """

    root: Path
    path: Path


@dataclass(frozen=True, slots=True)
class FolderUnreadable:
    """A folder whose content cannot be listed. Told once, until it can be listed again."""

    root: Path
    path: Path
    error: WatcherdError


@dataclass(frozen=True, slots=True)
class RootOnline:
    """The root is there and is watched from now on; a full scan follows. Told again when the mode changes."""

    root: Path
    mode: Mode
    why: str
    """Why this mode: half a sentence."""


@dataclass(frozen=True, slots=True)
class RootOffline:
    """The root is missing, unmounted or replaced. Nothing is known of its files until it is online again."""

    root: Path
    why: str
    """Half a sentence."""


@dataclass(frozen=True, slots=True)
class ScanComplete:
    """Everything that a full scan met has been told, was known, or keeps changing."""

    root: Path
    recordings: int
    """How many files that count as recordings the scan met."""
    still_writing: tuple[Path, ...]
    """Those that somebody still writes; they are told when they are complete."""


@dataclass(frozen=True, slots=True)
class WatchLimitReached:
    """The kernel grants no more inotify watches: the root is polled until it does."""

    root: Path
    problem: str
    remedy: str
    """With the exact command."""


Sighting = (
    Found | Unreadable | CutOff | Gone | FolderUnreadable | RootOnline | RootOffline | ScanComplete | WatchLimitReached
)
