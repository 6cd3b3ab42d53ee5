"""Sidecars of recordings that change or move."""

import shutil
from pathlib import Path

import pytest

from tests.sidecars.conftest import Mount, Shelf, spoken
from watcherd.errors import PublishBlockedError, RecordingChangedError
from watcherd.ledger.ledger import Ledger
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.placement import Wishes, publish_sidecars
from watcherd.sidecars.publish import Outcome
from watcherd.sidecars.records import RunRecords
from watcherd.sidecars.rendering import Provenance

PROVENANCE = Provenance(bytes(32), "packaged:base", None, "language=auto")


def test_another_recording_under_the_same_name_gets_its_own_words(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    shelf.record("talk.mp3", "Goodbye.")
    shelf.publish()
    assert shelf.text("talk.txt") == "Goodbye.\n"
    assert shelf.sidecars() == {"talk.srt", "talk.txt"}


def test_another_recording_does_not_take_the_edited_words_away(shelf: Shelf) -> None:
    shelf.formats = ["txt"]
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "talk.txt").write_text("edited")
    shelf.record("talk.mp3", "Goodbye.")
    shelf.publish()
    assert shelf.text("talk.txt") == "edited"
    assert shelf.text("talk.watcherd-2.txt") == "Goodbye.\n"


def test_a_silent_recording_takes_away_the_subtitles_of_what_was_there_before(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.record("edited.mp3", "Hello again.")
    shelf.publish()
    (shelf.folder / "edited.srt").write_text("edited")
    shelf.record("talk.mp3", "")
    shelf.record("edited.mp3", "")
    shelf.publish()
    assert shelf.sidecars() == {"talk.txt", "edited.srt", "edited.txt"}
    assert shelf.text("talk.txt") == ""
    assert shelf.text("edited.srt") == "edited"


def test_a_copy_gets_its_own_sidecars(shelf: Shelf) -> None:
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    shutil.copy2(recording, shelf.folder / "copy.mp3")
    shelf.publish()
    assert shelf.sidecars() == {"talk.srt", "talk.txt", "copy.srt", "copy.txt"}


@pytest.mark.parametrize("new", ["speech.mp3", "2026/talk.mp3", "talk.m4a"])
def test_sidecars_follow_a_recording_that_moves(shelf: Shelf, new: str) -> None:
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / new).parent.mkdir(exist_ok=True)
    recording.rename(shelf.folder / new)
    shelf.publish()
    assert shelf.names() == {new, str(Path(new).with_suffix(".srt")), str(Path(new).with_suffix(".txt"))}


def test_a_folder_that_moves_with_everything_in_it_is_left_as_it_is(shelf: Shelf) -> None:
    shelf.record("old/talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "old" / "talk.txt").write_text("edited")
    (shelf.folder / "old").rename(shelf.folder / "new")
    shelf.publish()
    assert shelf.names() == {"new/talk.mp3", "new/talk.srt", "new/talk.txt"}
    assert shelf.text("new/talk.txt") == "edited"
    assert shelf.outcomes("talk.mp3") == {"talk.srt": Outcome.ADOPTED, "talk.txt": Outcome.KEPT}


def test_sidecars_that_moved_with_a_folder_are_renewed_where_the_recording_changed_on_the_way(shelf: Shelf) -> None:
    shelf.record("old/talk.mp3", "Hello there.")
    shelf.record("old/edited.mp3", "Good morning.")
    shelf.publish()
    (shelf.folder / "old" / "edited.txt").write_text("edited")
    (shelf.folder / "old").rename(shelf.folder / "new")
    shelf.record("new/talk.mp3", "Something else.")
    shelf.record("new/edited.mp3", "Something else again.")
    shelf.publish()
    assert shelf.text("new/talk.txt") == "Something else.\n"
    assert "Something else." in shelf.text("new/talk.srt")
    assert shelf.text("new/edited.txt") == "edited"


def test_an_edited_sidecar_does_not_follow(shelf: Shelf) -> None:
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "talk.txt").write_text("edited")
    recording.rename(shelf.folder / "speech.mp3")
    shelf.publish()
    assert shelf.names() == {"speech.mp3", "speech.srt", "speech.txt", "talk.txt"}
    assert shelf.text("talk.txt") == "edited"


def test_the_old_sidecar_stays_where_the_new_place_has_the_users_file(shelf: Shelf) -> None:
    shelf.formats = ["txt"]
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "speech.txt").write_text("my notes")
    recording.rename(shelf.folder / "speech.mp3")
    shelf.publish()
    assert shelf.text("speech.txt") == "my notes"
    assert shelf.text("talk.txt") == "Hello there.\n"


def test_a_recording_that_comes_back_finds_its_sidecars(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    shelf.again("talk.mp3")
    assert set(shelf.outcomes("talk.mp3").values()) == {Outcome.UNCHANGED}


def test_after_the_loss_of_the_ledger_a_sidecar_as_it_would_be_written_is_ours_and_any_other_is_not(
    shelf: Shelf,
) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "talk.txt").write_text("edited")

    shelf.ledger.close()
    for file in shelf.database.parent.glob(f"{shelf.database.name}*"):
        file.unlink()
    shelf.ledger = Ledger.open(shelf.database)
    shelf.publish()

    outcomes = {sidecar.format_name: sidecar.outcome for sidecar in shelf.reports["talk.mp3"].sidecars}
    assert outcomes == {"srt": Outcome.ADOPTED, "txt": Outcome.KEPT}
    assert shelf.text("talk.txt") == "edited"
    (sidecar,) = shelf.ledger.read.sidecars_of(shelf.folder / "talk.mp3")[:1]
    assert sidecar.written_sha256 is not None


def test_sidecars_follow_to_another_file_system(shelf: Shelf, small_disk: tuple[Path, Mount]) -> None:
    disk, _ = small_disk
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    old_folder, shelf.folder = shelf.folder, disk
    shutil.move(recording, disk / "talk.mp3")
    shelf.publish()
    assert shelf.names() == {"talk.mp3", "talk.srt", "talk.txt"}
    assert list(old_folder.iterdir()) == []


def test_a_recording_that_vanished_is_told_from_a_folder_that_did(shelf: Shelf, tmp_path: Path) -> None:
    recording = shelf.record("talk.mp3", "Hello there.")
    records = RunRecords()
    recording.unlink()
    with pytest.raises(RecordingChangedError, match="the recording is gone"):
        publish_sidecars(
            recording,
            spoken("Hello."),
            PROVENANCE,
            Wishes(("txt",)),
            records,
            destination=Destination.beside(recording, None),
        )
    recording.mkdir()
    with pytest.raises(RecordingChangedError, match="no file any more"):
        publish_sidecars(
            recording,
            spoken("Hello."),
            PROVENANCE,
            Wishes(("txt",)),
            records,
            destination=Destination.beside(recording, None),
        )
    recording.rmdir()
    recording.touch()
    with pytest.raises(PublishBlockedError):
        publish_sidecars(
            recording,
            spoken("Hello."),
            PROVENANCE,
            Wishes(("txt",)),
            records,
            destination=Destination(tmp_path / "gone", None),
        )
    assert shelf.names() == {"talk.mp3"}
