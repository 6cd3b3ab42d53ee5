"""What the ledger gives out: frozen records of its rows."""

import json
import os
import sqlite3
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, Self

from watcherd.decisions import WindowDecision
from watcherd.errors import ErrorClass, WatcherdError
from watcherd.ledger.clock import from_ms
from watcherd.ledger.states import State
from watcherd.transcript import Transcript

_STAT_KEY: Final = struct.Struct(">QQQqq")
"""One blob for five numbers, since SQLite's integers end at 2^63 - 1 and inode numbers do not."""


@dataclass(frozen=True, slots=True)
class StatKey:
    """What ``stat`` says of a file. The same key: no need to hash the file again. It is never an identity."""

    dev: int
    ino: int
    size: int
    """In bytes."""
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def from_stat(cls, stat: os.stat_result) -> Self:
        """The key of a file that was just looked at."""
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def pack(self) -> bytes:
        """40 bytes; equal for equal keys."""
        return _STAT_KEY.pack(self.dev, self.ino, self.size, self.mtime_ns, self.ctime_ns)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """The inverse of ``pack``."""
        return cls(*_STAT_KEY.unpack(packed))


class Novelty(Enum):
    """What a path's content was to the ledger."""

    NEW_CONTENT = "new_content"
    """Nobody has seen it before: work."""
    NEW_PATH = "new_path"
    """Known from another path, or from one that has gone: a copy or a move. No work, but sidecars to publish."""
    SAME = "same"
    """This path held it already: touched, restored or synced again."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What came of binding a path to the content that was read from it."""

    content_id: int
    state: State
    """Of the content, after the binding."""
    novelty: Novelty
    displaced: int | None
    """The other content that the path held until now, if it held one."""


@dataclass(frozen=True, slots=True)
class KnownPath:
    """A path of the ledger."""

    path: Path
    content_id: int | None
    """None where the file could never be read."""
    stat_key: StatKey | None
    """None where the file has to be looked at again."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """From the columns path, content_id and stat_key."""
        stat_key = None if row["stat_key"] is None else StatKey.unpack(row["stat_key"])
        return cls(as_path(row["path"]), row["content_id"], stat_key)


@dataclass(frozen=True, slots=True)
class Work:
    """A content whose turn has come."""

    content_id: int
    sha256: bytes
    path: Path
    """One that holds it and that nothing blocks."""
    generation: int
    attempts: int
    """Charged so far."""
    deaths: int
    """How often the engine died with it in hand. One with deaths is best run alone: it takes its neighbours along."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished transcription."""

    transcript: Transcript
    model_id: str
    model_revision: str | None
    """None where the model has none."""
    settings_fingerprint: str
    compute_ms: int | None
    """What it took; None where the result was adopted from a content with the same audio packets."""
    windows: tuple[WindowDecision, ...] = ()
    """What became of each window; none for results of versions that did not keep it."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A path whose content is transcribed and whose sidecars are to be published."""

    content_id: int
    sha256: bytes
    path: Path
    generation: int
    """1, or more after a redo."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file beside a recording, and what we know of its bytes."""

    path: Path
    recording: Path
    """It may have gone since."""
    content_id: int
    format: str
    generation: int
    intended_sha256: bytes | None
    """Not None: a write is under way, or was cut off."""
    written_sha256: bytes | None
    """What we wrote last; None where we have not yet written."""
    kept: bool
    """The file there is the user's: edited after us, or there before us."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """From all columns of the table."""
        return cls(
            path=as_path(row["path"]),
            recording=as_path(row["recording"]),
            content_id=row["content_id"],
            format=row["format"],
            generation=row["generation"],
            intended_sha256=row["intended_sha256"],
            written_sha256=row["written_sha256"],
            kept=bool(row["kept"]),
        )


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something does not go on, as it is stored."""

    error_class: ErrorClass
    error: str
    """The problem, without the path."""
    remedy: str
    retry_at_ms: int | None
    """None: not by itself."""

    @classmethod
    def of(cls, error: WatcherdError, retry_at_ms: int | None, error_class: ErrorClass | None = None) -> Self:
        """The error's own parts; ``error_class`` overrides its class."""
        return cls(error_class or error.error_class, error.problem, error.remedy, retry_at_ms)


@dataclass(frozen=True, slots=True)
class Event:
    """One move of a content."""

    at: datetime
    from_state: State | None
    """None: the content was not known before."""
    to_state: State
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "at": self.at.isoformat(timespec="milliseconds"),
            "from": self.from_state,
            "to": self.to_state,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """A path with all that ``list`` says of it."""

    path: Path
    state: State
    sha256: bytes | None
    """None where the file could never be read."""
    duration_ms: int | None
    """None, like language and model, until there is a result."""
    language: str | None
    language_suspect: bool
    """It does not sound like that language; False, too, until there is a result."""
    model: str | None
    attempts: int
    error_class: ErrorClass | None
    error: str | None
    remedy: str | None
    retry_at: datetime | None
    sidecars: tuple[Path, ...]
    """The ones that we wrote, by name."""
    compute_ms: int | None
    finished_at: datetime | None
    """When the sidecars of this path were published."""

    @classmethod
    def from_rows(cls, rows: list[sqlite3.Row]) -> Self:
        """From the rows of one path, which differ in their column sidecar alone."""
        row = rows[0]
        return cls(
            path=as_path(row["path"]),
            state=State(row["state"]),
            sha256=row["sha256"],
            duration_ms=row["duration_ms"],
            language=row["language"],
            language_suspect=bool(row["language_suspect"]),
            model=row["model_id"],
            attempts=row["attempts"] or 0,
            error_class=None if row["error_class"] is None else ErrorClass(row["error_class"]),
            error=row["error"],
            remedy=row["remedy"],
            retry_at=_moment(row["retry_at_ms"]),
            sidecars=tuple(as_path(each["sidecar"]) for each in rows if each["sidecar"] is not None),
            compute_ms=row["compute_ms"],
            finished_at=_moment(row["published_ms"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, in the words of the command line's contract."""
        return {
            "path": str(self.path),
            "state": self.state,
            "sha256": None if self.sha256 is None else self.sha256.hex(),
            "duration_s": _seconds(self.duration_ms),
            "language": self.language,
            "language_suspect": self.language_suspect,
            "model": self.model,
            "attempts": self.attempts,
            "error_class": self.error_class,
            "error": self.error,
            "remedy": self.remedy,
            "retry_at": _iso(self.retry_at),
            "sidecars": [str(sidecar) for sidecar in self.sidecars],
            "transcribed_s": _seconds(self.compute_ms),
            "finished_at": _iso(self.finished_at),
        }


def as_path(raw: bytes) -> Path:
    """A path as the ledger keeps it, for Python."""
    return Path(os.fsdecode(raw))


def transcript_json(transcript: Transcript) -> str:
    """As the ledger keeps it: compact, and readable for full-text search."""
    return json.dumps(transcript.to_dict(), ensure_ascii=False, separators=(",", ":"))


def windows_json(windows: Iterable[WindowDecision]) -> str:
    """As the ledger keeps them: compact."""
    return json.dumps([window.to_dict() for window in windows], ensure_ascii=False, separators=(",", ":"))


def _moment(moment_ms: int | None) -> datetime | None:
    return None if moment_ms is None else from_ms(moment_ms)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _seconds(duration_ms: int | None) -> float | None:
    return None if duration_ms is None else duration_ms / 1000
