"""What is remembered of sidecars: the few questions and notes that publishing needs of a memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final, Protocol


class Owner(Enum):
    """Whose a sidecar is, seen from the recording that is being published."""

    THIS = "this"
    """The recording's own; perhaps with the words of what was there under its name before."""
    MOVED = "moved"
    """Of the same content at a path where it is no longer: the recording was moved."""
    OTHER = "other"
    """Of another recording, which is still there."""
    GONE = "gone"
    """Of another recording, which was deleted. People do that and keep the transcript."""


@dataclass(frozen=True, slots=True)
class SidecarRecord:
    """What is remembered of one sidecar."""

    path: Path
    format_name: str
    owner: Owner
    current: bool
    """It was announced, written or kept for the very transcription that is being published, not for an earlier one."""
    intended_sha256: bytes | None
    """Not None: the write was announced and not confirmed, so it was cut off somewhere."""
    written_sha256: bytes | None
    """What we wrote last; None where we never did."""
    kept: bool
    """The file there was found to be the user's."""


class SidecarRecords(Protocol):
    """The memory behind the publishing of one transcription of one recording.

    Every note is on the disk when its method returns.
    """

    @property
    def redo(self) -> bool:
        """Somebody asked to have the recording transcribed again."""

    def at(self, sidecar: Path) -> SidecarRecord | None:
        """What is remembered of the file of this name."""

    def has_made(self, sha256: bytes) -> bool:
        """Whether a sidecar with these bytes was ever written or announced, wherever."""

    def own(self) -> Iterable[SidecarRecord]:
        """All sidecars whose owner is ``THIS`` or ``MOVED``."""

    def intend(self, sidecar: Path, format_name: str, sha256: bytes) -> None:
        """Announce that a file with this content is about to get this name."""

    def written(self, sidecar: Path) -> None:
        """Confirm what was announced last for this name."""

    def keep(self, sidecar: Path, format_name: str) -> None:
        """Note that the file of this name is the user's."""

    def drop(self, sidecar: Path) -> None:
        """Forget a sidecar that we removed."""


_CURRENT: Final = True


class RunRecords:
    """A memory that lasts as long as one command.

    It knows only which names went to which recording, so files from before the command count as the user's. Set
    ``recording`` before each publication.
    """

    redo = False

    def __init__(self) -> None:
        self.recording = Path()
        self._records: dict[Path, tuple[Path, SidecarRecord]] = {}

    def at(self, sidecar: Path) -> SidecarRecord | None:
        """As ``SidecarRecords``."""
        if sidecar not in self._records:
            return None
        recording, record = self._records[sidecar]
        return record if recording == self.recording else replace(record, owner=Owner.OTHER, current=False)

    def has_made(self, sha256: bytes) -> bool:
        """As ``SidecarRecords``."""
        del sha256
        return False

    def own(self) -> Iterable[SidecarRecord]:
        """As ``SidecarRecords``."""
        return [record for recording, record in self._records.values() if recording == self.recording]

    def intend(self, sidecar: Path, format_name: str, sha256: bytes) -> None:
        """As ``SidecarRecords``."""
        known = self.at(sidecar)
        written = known.written_sha256 if known else None
        self._note(SidecarRecord(sidecar, format_name, Owner.THIS, _CURRENT, sha256, written, kept=False))

    def written(self, sidecar: Path) -> None:
        """As ``SidecarRecords``."""
        record = self._records[sidecar][1]
        self._note(replace(record, intended_sha256=None, written_sha256=record.intended_sha256))

    def keep(self, sidecar: Path, format_name: str) -> None:
        """As ``SidecarRecords``."""
        known = self.at(sidecar)
        written = known.written_sha256 if known else None
        self._note(SidecarRecord(sidecar, format_name, Owner.THIS, _CURRENT, None, written, kept=True))

    def drop(self, sidecar: Path) -> None:
        """As ``SidecarRecords``."""
        self._records.pop(sidecar, None)

    def _note(self, record: SidecarRecord) -> None:
        self._records[record.path] = (self.recording, record)
