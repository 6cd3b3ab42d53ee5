"""Every transcript of the ledger as files in one folder: to read elsewhere, to keep, to hand on."""

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from watcherd.errors import EXIT_USAGE, PublishBlockedError, WatcherdError
from watcherd.ledger.reader import Reader
from watcherd.ledger.records import KnownPath, Result
from watcherd.publication import provenance_of
from watcherd.sidecars.folder import Folder, blocked
from watcherd.sidecars.formats import FORMATS
from watcherd.sidecars.naming import candidates
from watcherd.sidecars.placement import Wishes
from watcherd.sidecars.publish import Outcome, Target, publish, remove_stale_temps
from watcherd.sidecars.rendering import Rendering


class ExportPlaceError(WatcherdError):
    """The folder cannot be exported into."""

    exit_code = EXIT_USAGE


class What(StrEnum):
    """What became of one file."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    """It was there already, with the same content."""
    DIFFERS = "differs"
    """Another file has its name, and was left alone: perhaps of an earlier export, before a redo or an edit."""
    EMPTY = "empty"
    """This format makes no file where nobody speaks."""
    FAILED = "failed"
    """The file could not be written."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One file of an export."""

    recording: Path
    path: Path
    format_name: str
    what: What
    problem: str = ""
    """Why it failed."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "recording": str(self.recording),
            "path": str(self.path),
            "format": self.format_name,
            "outcome": self.what,
            "problem": self.problem or None,
        }

    @classmethod
    def failure(cls, page: "_Page", format_name: str, error: WatcherdError) -> Self:
        """A file that could not be written."""
        return cls(page.known.path, page.folder, format_name, What.FAILED, error.without_path())


@dataclass(frozen=True, slots=True)
class _Page:
    """A recording, and the folder that its files go to."""

    known: KnownPath
    sha256: bytes
    folder: Path


_OUTCOMES: Final = {
    Outcome.WRITTEN: What.WRITTEN,
    Outcome.ADOPTED: What.UNCHANGED,
    Outcome.UNCHANGED: What.UNCHANGED,
    Outcome.KEPT: What.DIFFERS,
}


def export(
    read: Reader,
    roots: Collection[Path],
    target: Path,
    wishes: Wishes,
    *,
    outputs: Collection[Path] = (),
    speakers: Mapping[Path, tuple[str, ...]] = MappingProxyType({}),
) -> Iterator[Exported]:
    """Write what was said in every recording that the ledger knows to be there, in the order of their paths.

    The folders are those of the watched folders: below the deepest one that all of them are in, everything has its own
    place. The files have the names that sidecars would have. What is there already is never overwritten, and each
    file appears whole or not at all, so that an export can be repeated to go on or to add what is new.

    Args:
        read: the ledger; nothing is written into it.
        roots: the watched folders, absolute, also those that are not mounted now.
        target: the folder to export into; made where it is missing.
        wishes: which formats, and how cues are laid out.
        outputs: other folders that sidecars go to.
        speakers: what the sides of a call are called in a watched folder, where that is not what ``wishes`` says.

    Raises:
        ExportPlaceError: it would write where recordings or their sidecars are; nothing was written.
    """
    pages = list(_pages(read, roots, target))
    _refuse_sidecars_place({target, *(page.folder for page in pages)}, [*roots, *outputs])
    return _export(read, pages, wishes, speakers)


def _export(
    read: Reader, pages: Sequence[_Page], wishes: Wishes, speakers: Mapping[Path, tuple[str, ...]]
) -> Iterator[Exported]:
    taken: set[Path] = set()
    cleaned: set[Path] = set()
    for page in pages:
        result = None if page.known.content_id is None else read.result(page.known.content_id)
        if result is None:
            continue
        if page.folder not in cleaned:
            cleaned.add(page.folder)
            with suppress(PublishBlockedError):
                remove_stale_temps(page.folder, time.time())
        names = [names for root, names in speakers.items() if page.known.path.is_relative_to(root)]
        own = replace(wishes, speakers=names[0]) if names else wishes
        for name in wishes.formats:
            try:
                yield _write(page, result, name, own, taken)
            except PublishBlockedError as error:
                yield Exported.failure(page, name, error)


def _write(page: _Page, result: Result, format_name: str, wishes: Wishes, taken: set[Path]) -> Exported:
    recording = page.known.path
    rendering = Rendering(
        result.transcript.named(wishes.speakers),
        recording,
        _recorded_at(page.known),
        provenance_of(page.sha256, result),
        wishes.layout,
        page.folder,
    )
    try:
        page.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise blocked(error, page.folder) from error
    with Folder.open(page.folder) as folder:
        names = candidates(recording, format_name, folder.name_max)
        name = next(name for name in names if page.folder / name not in taken)
        taken.add(page.folder / name)
        content = FORMATS[format_name].render(rendering)
        if content is None:
            return Exported(recording, page.folder / name, format_name, What.EMPTY)
        # Owner and rights are those of the folder: the recording may be on a disk that is not there.
        like = os.fstat(folder.descriptor)
        outcome = publish(folder, Target(name), content, like, intend=lambda: None)
        return Exported(recording, page.folder / name, format_name, _OUTCOMES[outcome])


def _pages(read: Reader, roots: Collection[Path], target: Path) -> Iterator[_Page]:
    entries = [entry for entry in read.entries() if entry.sha256 is not None and entry.duration_ms is not None]
    base = _common(list(roots) or [entry.path.parent for entry in entries])
    for entry in entries:
        known = read.path(entry.path)
        if known is not None and entry.sha256 is not None:
            yield _Page(known, entry.sha256, target / _place(entry.path.parent, base))


def _common(folders: Collection[Path]) -> Path:
    """The deepest folder that all of them are in, or are."""
    return Path(os.path.commonpath(folders)) if folders else Path("/")


def _place(folder: Path, base: Path) -> Path:
    """Where a folder is in the export; one that is watched no longer keeps its whole path.

    >>> _place(Path("/srv/sync/phone/2026"), Path("/srv/sync")), _place(Path("/mnt/old"), Path("/srv/sync"))
    (PosixPath('phone/2026'), PosixPath('mnt/old'))
    """
    return folder.relative_to(base) if folder.is_relative_to(base) else folder.relative_to("/")


def _refuse_sidecars_place(folders: Collection[Path], places: Collection[Path]) -> None:
    """Other files must not stand where sidecars go: there, each has its recording in the ledger."""
    for folder in sorted(folders):
        for place in places:
            if folder.resolve().is_relative_to(place.resolve()):
                raise ExportPlaceError(
                    "the export would write into this folder, where recordings or their sidecars are",
                    path=place,
                    remedy="Choose a folder outside of it",
                )


def _recorded_at(known: KnownPath) -> datetime:
    """When the recording was changed last, as far as the ledger knows."""
    mtime_ns = 0 if known.stat_key is None else known.stat_key.mtime_ns
    return datetime.fromtimestamp(mtime_ns / 1e9, UTC).astimezone()
