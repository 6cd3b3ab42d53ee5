"""The ledger as the memory behind the publishing of sidecars."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from watcherd.config import Settings, SubtitleSettings, WatchRoot
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Publication, Result, Sidecar
from watcherd.sidecars.cues import Layout
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.placement import PublishReport, Wishes, publish_sidecars
from watcherd.sidecars.records import Owner, SidecarRecord
from watcherd.sidecars.rendering import Provenance


def publish(
    ledger: Ledger,
    publication: Publication,
    result: Result,
    wishes: Wishes,
    destination: Destination,
) -> PublishReport:
    """Bring the sidecars of one path where they belong, each step noted in the ledger first.

    Formats that somebody asked for, for this recording, are added to those that are wished for all.

    Raises:
        RecordingChangedError: the recording is gone, or no file any more.
        PublishBlockedError: its folder cannot be written to.
        UnexpectedStateError: the path holds another content by now.
    """
    formats = dict.fromkeys((*wishes.formats, *ledger.read.added_formats(publication.content_id)))
    wishes = replace(wishes, formats=tuple(formats))
    return publish_sidecars(
        publication.path,
        result.transcript,
        provenance_of(publication.sha256, result),
        wishes,
        LedgerRecords(ledger, publication),
        destination=destination,
    )


def forget_lost_sidecars(ledger: Ledger, recording: Path) -> None:
    """Forget the sidecars of a recording that are not there; called when it is found to be gone, and when it is back.

    Whoever deletes a sidecar of a recording that stays means the sidecar, and it stays deleted. One that went with its
    recording, or while that was gone, was cleared away with it: it is written again when the recording is brought back.
    """
    for sidecar in ledger.read.sidecars_of(recording):
        try:
            sidecar.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            ledger.publishing.drop(sidecar.path)
        except OSError:
            continue  # nobody can say


def provenance_of(sha256: bytes, result: Result) -> Provenance:
    """Where a stored transcription comes from; ``sha256`` is that of its recording."""
    return Provenance(sha256, result.model_id, result.model_revision, result.settings_fingerprint)


def wishes_of(settings: Settings, root: WatchRoot) -> Wishes:
    """What the configuration wants for the sidecars of a watched folder."""
    return Wishes(root.formats, layout_of(settings.subtitles), root.language_suffix, root.speakers)


def destination_of(root: WatchRoot, recording: Path) -> Destination:
    """Where the configuration wants the sidecars of a recording in a watched folder."""
    if root.output_dir is None:
        return Destination.beside(recording, root.path)
    return Destination.mirrored(recording, root.path, root.output_dir)


def layout_of(subtitles: SubtitleSettings) -> Layout:
    """The configuration's wishes for cues."""
    return Layout(subtitles.max_line_length, subtitles.max_lines)


class LedgerRecords:
    """What the ledger knows of sidecars, seen from one publication; see ``SidecarRecords``."""

    def __init__(self, ledger: Ledger, publication: Publication) -> None:
        self._ledger = ledger
        self._publication = publication

    @property
    def redo(self) -> bool:
        """Somebody asked to have the recording transcribed again."""
        return self._publication.generation > 1

    def at(self, sidecar: Path) -> SidecarRecord | None:
        """What is remembered of the file of this name."""
        known = self._ledger.read.sidecar_at(sidecar)
        return None if known is None else self._record(known)

    def has_made(self, sha256: bytes) -> bool:
        """Whether a sidecar with these bytes was ever written or announced, wherever."""
        return self._ledger.read.has_made(sha256)

    def own(self) -> Iterable[SidecarRecord]:
        """The recording's, and those that it left behind when it was moved."""
        publication, read = self._publication, self._ledger.read
        known = {sidecar.path: sidecar for sidecar in read.sidecars_of(publication.path)}
        known |= {sidecar.path: sidecar for sidecar in read.left_behind(publication.content_id)}
        return [self._record(sidecar) for sidecar in known.values()]

    def intend(self, sidecar: Path, format_name: str, sha256: bytes) -> None:
        """Announce that a file with this content is about to get this name."""
        self._ledger.publishing.intend(self._publication, sidecar, format_name, sha256)

    def written(self, sidecar: Path) -> None:
        """Confirm what was announced last for this name."""
        self._ledger.publishing.written(sidecar)

    def keep(self, sidecar: Path, format_name: str) -> None:
        """Note that the file of this name is the user's."""
        self._ledger.publishing.keep(self._publication, sidecar, format_name)

    def drop(self, sidecar: Path) -> None:
        """Forget a sidecar that we removed."""
        self._ledger.publishing.drop(sidecar)

    def _record(self, sidecar: Sidecar) -> SidecarRecord:
        publication = self._publication
        current = sidecar.content_id == publication.content_id and sidecar.generation == publication.generation
        return SidecarRecord(
            path=sidecar.path,
            format_name=sidecar.format,
            owner=self._owner(sidecar),
            current=current,
            intended_sha256=sidecar.intended_sha256,
            written_sha256=sidecar.written_sha256,
            kept=sidecar.kept,
        )

    def _owner(self, sidecar: Sidecar) -> Owner:
        if sidecar.recording == self._publication.path:
            return Owner.THIS
        holder = self._ledger.read.path(sidecar.recording)
        if sidecar.content_id == self._publication.content_id:
            holds_it_still = holder is not None and holder.content_id == sidecar.content_id
            return Owner.OTHER if holds_it_still else Owner.MOVED
        return Owner.GONE if holder is None else Owner.OTHER
