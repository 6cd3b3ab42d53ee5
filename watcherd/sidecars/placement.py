"""The sidecars of one recording: which names they get, what is made of the files there, and what they leave behind."""

import hashlib
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from watcherd.config import SPEAKERS
from watcherd.config.languages import iso_639
from watcherd.errors import PublishBlockedError, RecordingChangedError
from watcherd.sidecars.cues import Layout
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.folder import Folder, blocked
from watcherd.sidecars.formats import FORMATS
from watcherd.sidecars.naming import candidates, variants
from watcherd.sidecars.publish import Outcome, Target, publish, remove, remove_stale_temps
from watcherd.sidecars.records import Owner, SidecarRecord, SidecarRecords
from watcherd.sidecars.rendering import Provenance, Rendering
from watcherd.transcript import Transcript

_IN_PLACE = frozenset({Outcome.WRITTEN, Outcome.ADOPTED, Outcome.REPLACED, Outcome.UNCHANGED})
_NEWS = frozenset({Outcome.WRITTEN, Outcome.ADOPTED, Outcome.REPLACED})


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants for sidecars."""

    formats: tuple[str, ...]
    """Keys of ``FORMATS``."""
    layout: Layout = field(default_factory=Layout)
    """Of subtitles."""
    language_suffix: bool = False
    """Subtitles have their language in their names (``talk.en.srt``), where it is known."""
    speakers: tuple[str, ...] = SPEAKERS
    """What the left and the right side of a call are called."""


@dataclass(frozen=True, slots=True)
class PublishedSidecar:
    """What became of one sidecar."""

    path: Path
    format_name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What became of all sidecars of a recording."""

    sidecars: tuple[PublishedSidecar, ...]
    """In the order of the formats. A format has two where the first is kept and a new one stands beside it."""

    @property
    def written(self) -> list[Path]:
        """Those that are there now and were not known to be before."""
        return self._with(_NEWS)

    @property
    def kept(self) -> list[Path]:
        """Those that are the user's, and that were left alone."""
        return self._with({Outcome.KEPT})

    @property
    def stay_deleted(self) -> list[Path]:
        """Those that somebody deleted."""
        return self._with({Outcome.STAYS_DELETED})

    def _with(self, outcomes: Iterable[Outcome]) -> list[Path]:
        return [sidecar.path for sidecar in self.sidecars if sidecar.outcome in outcomes]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A name that the recording's sidecar may have, with what is known of it."""

    name: str
    path: Path
    record: SidecarRecord | None
    taken: bool
    """By another recording."""


def publish_sidecars(
    recording: Path,
    transcript: Transcript,
    provenance: Provenance,
    wishes: Wishes,
    records: SidecarRecords,
    *,
    destination: Destination,
) -> PublishReport:
    """Bring all sidecars of a recording where they belong.

    It can be repeated at any time, and after any interruption; what is in place already stays untouched.

    - A name that belongs to another recording is passed over for the next one.
    - A file that is not as we wrote it is the user's and stays. If it stood there for an earlier transcription
      already, the new one goes beside it (``NAME.watcherd-2.srt``).
    - A sidecar that was written for this transcription and deleted stays deleted.
    - After a move, or where the name is another now, the sidecars at the old place go, unless somebody edited them.
    - A format that makes no file of this transcript (no subtitles without speech) removes the file that we made of an
      earlier one.

    Args:
        recording: absolute; it must still be there.
        transcript: of the recording.
        provenance: of the transcript.
        wishes: which sidecars, and what they are like.
        records: the memory for this transcription of this recording.
        destination: where the sidecars go; folders that are missing there are made.

    Raises:
        RecordingChangedError: the recording is gone, or no file any more.
        PublishBlockedError: the folder cannot be written to; what was written before that stays.
    """
    like = _status(recording, follow_symlinks=destination.root is None)
    rendering = Rendering(
        transcript.named(wishes.speakers),
        recording,
        datetime.fromtimestamp(like.st_mtime).astimezone(),
        provenance,
        wishes.layout,
        destination.folder,
    )
    destination.make()
    with Folder.open(destination.folder, destination.root) as place:
        publisher = _Publisher(recording, place, like, records)
        publisher.clean_up()
        sidecars: list[PublishedSidecar] = []
        for format_name in wishes.formats:
            content = FORMATS[format_name].render(rendering)
            if content is None:
                publisher.withdraw(format_name)
            else:
                sidecars += publisher.publish(format_name, _ending(format_name, wishes, transcript), content)
    return PublishReport(tuple(sidecars))


def _ending(format_name: str, wishes: Wishes, transcript: Transcript) -> str:
    if wishes.language_suffix and FORMATS[format_name].is_subtitle and transcript.language is not None:
        return f"{iso_639(transcript.language)}.{format_name}"
    return format_name


def _status(recording: Path, *, follow_symlinks: bool) -> os.stat_result:
    try:
        status = recording.stat(follow_symlinks=follow_symlinks)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RecordingChangedError("the recording is gone", path=recording) from error
    except OSError as error:
        raise blocked(error, recording.parent) from error
    if not stat.S_ISREG(status.st_mode):
        raise RecordingChangedError("the recording is no file any more", path=recording)
    return status


def _target(name: str, record: SidecarRecord | None) -> Target:
    if record is None:
        return Target(name)
    return Target(
        name,
        previous_sha256=record.written_sha256,
        intent=record.intended_sha256,
        was_written=record.current and record.written_sha256 is not None and record.intended_sha256 is None,
    )


class _Publisher:
    def __init__(self, recording: Path, folder: Folder, like: os.stat_result, records: SidecarRecords) -> None:
        self._recording = recording
        self._folder = folder
        self._like = like
        self._records = records

    def clean_up(self) -> None:
        """Remove the temporary files of a run that was cut off."""
        for folder in {record.path.parent for record in self._records.own() if record.intended_sha256 is not None}:
            with suppress(PublishBlockedError):
                remove_stale_temps(folder, time.time())

    def publish(self, format_name: str, ending: str, content: bytes) -> list[PublishedSidecar]:
        """One sidecar, and a second one where the first has become the user's since an earlier transcription."""
        names = candidates(self._recording, ending, self._folder.name_max)
        slot = next(slot for name in names if not (slot := self._slot(name)).taken)
        sidecars = [self._put(slot, format_name, content)]
        if sidecars[0].outcome is Outcome.KEPT:
            if self._is_for_earlier(slot):
                sidecars.append(self._put_beside(slot, format_name, ending, content))
            # Last, because from then on the file counts as kept for this transcription, and nothing is put beside it.
            self._records.keep(slot.path, format_name)
        if sidecars[-1].outcome in _IN_PLACE:
            self._clear_old_places(format_name, except_for=sidecars[-1].path)
        return sidecars

    def withdraw(self, format_name: str) -> None:
        """Remove what was made of an earlier transcription: this one makes no file of this format."""
        for record in list(self._records.own()):
            if record.format_name == format_name:
                self._remove(record)

    def _put_beside(self, kept: _Slot, format_name: str, ending: str, content: bytes) -> PublishedSidecar:
        for name in variants(kept.name, ending, self._folder.name_max):
            slot = self._slot(name)
            if slot.taken:
                continue
            sidecar = self._put(slot, format_name, content)
            if sidecar.outcome is not Outcome.KEPT:
                return sidecar
            if slot.record is not None and slot.record.current:
                self._records.keep(slot.path, format_name)
                return sidecar
        raise AssertionError("names do not run out")

    def _is_for_earlier(self, slot: _Slot) -> bool:
        """Whether a file that is the user's has to do with an earlier transcription, and not with this one."""
        return self._records.redo if slot.record is None else not slot.record.current

    def _put(self, slot: _Slot, format_name: str, content: bytes) -> PublishedSidecar:
        records, sha256 = self._records, hashlib.sha256(content).digest()
        record = self._confirmed(slot.record, sha256)

        def intend() -> None:
            records.intend(slot.path, format_name, sha256)

        outcome = publish(self._folder, self._known_target(slot.name, record, sha256), content, self._like, intend)
        if outcome is Outcome.UNCHANGED and record is not None and not (record.current and record.owner is Owner.THIS):
            intend()
            records.written(slot.path)
        elif outcome in _NEWS:
            records.written(slot.path)
        return PublishedSidecar(slot.path, format_name, outcome)

    def _known_target(self, name: str, record: SidecarRecord | None, sha256: bytes) -> Target:
        """What is known of the file of this name, also where it came here with a folder or a recording that was moved.

        An empty file says nothing: that is how anybody's file begins.
        """
        target = _target(name, record)
        found = self._folder.find(name)
        if found is None or found.sha256 is None or not found.status.st_size or (record is not None and record.kept):
            return target
        if found.sha256 == sha256 or target.is_ours(found) or not self._records.has_made(found.sha256):
            return target
        return replace(target, previous_sha256=found.sha256)

    def _confirmed(self, record: SidecarRecord | None, sha256: bytes) -> SidecarRecord | None:
        """The record, with what was announced and is there confirmed, where something else is to be announced now.

        Else nothing would tell any more, if that is cut off too, that the file is ours.
        """
        if record is None or record.intended_sha256 in {None, sha256}:
            return record
        found = self._folder.find(record.path.name)
        if found is None or found.sha256 != record.intended_sha256:
            return record
        self._records.written(record.path)
        return self._records.at(record.path)

    def _slot(self, name: str) -> _Slot:
        status = self._folder.status(name)
        record = self._records.at(self._folder.path / name)
        if record is None and status is not None:
            name = self._folder.true_name(name, status)
            record = self._records.at(self._folder.path / name)
        taken = record is not None and (
            (record.owner is Owner.OTHER and not record.kept) or (record.owner is Owner.GONE and status is not None)
        )
        return _Slot(name, self._folder.path / name, record, taken)

    def _clear_old_places(self, format_name: str, except_for: Path) -> None:
        """Remove what stands where the recording was, or under a name that it has no more: of another language."""
        for record in list(self._records.own()):
            is_old = record.owner is Owner.MOVED or not record.kept
            if is_old and record.format_name == format_name and record.path != except_for:
                self._remove(record)

    def _remove(self, record: SidecarRecord) -> None:
        """Remove a sidecar if it is as we wrote it, and forget it, unless its folder is out of reach."""
        try:
            with Folder.open(record.path.parent) as folder:
                remove(folder, _target(record.path.name, record))
        except PublishBlockedError:
            return
        self._records.drop(record.path)
