import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.sidecars.conftest import Mount, Shelf, spoken, srt
from watcherd.errors import PublishBlockedError, RecordingChangedError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.publishing import Publishing
from watcherd.ledger.states import State
from watcherd.publication import forget_lost_sidecars
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.folder import Folder
from watcherd.sidecars.placement import Wishes, publish_sidecars
from watcherd.sidecars.publish import Outcome
from watcherd.sidecars.records import RunRecords
from watcherd.sidecars.rendering import Provenance

PROVENANCE = Provenance(bytes(32), "packaged:base", None, "language=auto")


def outcomes(shelf: Shelf, recording: str) -> dict[str, Outcome]:
    return {sidecar.path.name: sidecar.outcome for sidecar in shelf.reports[recording].sidecars}


# --- names --------------------------------------------------------------------------------------------------------


def test_sidecars_appear_beside_the_recording(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    assert shelf.names() == {"talk.mp3", "talk.srt", "talk.txt"}
    assert (shelf.folder / "talk.srt").read_bytes() == srt("Hello there.")
    assert shelf.text("talk.txt") == "Hello there.\n"
    assert shelf.reports["talk.mp3"].written == [shelf.folder / "talk.srt", shelf.folder / "talk.txt"]


def test_where_nobody_speaks_there_is_an_empty_text_and_no_subtitles(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "")
    shelf.publish()
    assert shelf.names() == {"talk.mp3", "talk.txt"}
    assert shelf.text("talk.txt") == ""


def test_two_recordings_that_want_one_name_get_two(shelf: Shelf) -> None:
    for name in ("a.mp3", "a.wav", "a.wav.mp3"):
        shelf.record(name, f"This is {name}.")
    shelf.publish()
    assert {name: shelf.text(name) for name in shelf.sidecars() if name.endswith(".txt")} == {
        "a.txt": "This is a.mp3.\n",
        "a.wav.txt": "This is a.wav.\n",
        "a.wav.mp3.txt": "This is a.wav.mp3.\n",
    }
    shelf.again("a.wav")
    assert set(outcomes(shelf, "a.wav").values()) == {Outcome.UNCHANGED}


def test_names_that_differ_in_case_alone_share_a_file_system_that_ignores_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.formats = ["txt"]
    shelf.record("a.mp3", "First.")
    shelf.publish()
    real = Folder.status
    monkeypatch.setattr(Folder, "status", lambda self, name: real(self, "a.txt" if name == "A.txt" else name))
    shelf.record("A.wav", "Second.")
    shelf.publish()
    assert shelf.text("a.txt") == "First.\n"
    assert shelf.text("A.wav.txt") == "Second.\n"
    assert shelf.sidecars() == {"a.txt", "A.wav.txt"}


def test_a_name_that_is_too_long_for_its_endings_is_cut(shelf: Shelf) -> None:
    for number in range(3):
        shelf.record("é" * 124 + f"x{number}.wav", f"Number {number}.")
    shelf.publish()
    texts = sorted(shelf.text(name) for name in shelf.sidecars() if name.endswith(".txt"))
    assert texts == ["Number 0.\n", "Number 1.\n", "Number 2.\n"]


def test_a_name_that_is_not_utf_8_keeps_its_bytes(shelf: Shelf) -> None:
    shelf.record(os.fsdecode(b"caf\xe9\n.mp3"), "Hello.")
    shelf.publish()
    assert os.fsdecode(b"caf\xe9\n.srt") in shelf.sidecars()


def test_the_transcript_of_a_deleted_recording_is_not_overwritten_by_its_namesake(shelf: Shelf) -> None:
    shelf.formats = ["txt"]
    shelf.record("a.mp3", "Keep me.")
    shelf.publish()
    (shelf.folder / "a.mp3").unlink()
    shelf.record("a.wav", "Another.")
    shelf.publish()
    assert shelf.text("a.txt") == "Keep me.\n"
    assert shelf.text("a.wav.txt") == "Another.\n"


# --- what belongs to the user -------------------------------------------------------------------------------------


def test_a_file_that_was_there_before_is_never_touched(shelf: Shelf) -> None:
    (shelf.folder / "talk.txt").write_text("my notes")
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    assert shelf.text("talk.txt") == "my notes"
    assert shelf.reports["talk.mp3"].kept == [shelf.folder / "talk.txt"]
    assert shelf.reports["talk.mp3"].written == [shelf.folder / "talk.srt"]
    assert shelf.sidecars() == {"talk.srt", "talk.txt"}


def test_redo_replaces_what_nobody_touched(shelf: Shelf) -> None:
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    before = (shelf.folder / "talk.txt").stat().st_ino
    shelf.redo("talk.mp3")
    assert set(outcomes(shelf, "talk.mp3").values()) == {Outcome.UNCHANGED}
    assert (shelf.folder / "talk.txt").stat().st_ino == before
    assert recording.exists()


@pytest.mark.parametrize("edited_first", [True, False], ids=["after us", "before us"])
def test_redo_writes_beside_what_is_the_users(shelf: Shelf, edited_first: bool) -> None:  # noqa: FBT001  a parameter
    shelf.formats = ["txt"]
    notes = shelf.folder / "talk.txt"
    if not edited_first:
        notes.write_text("my notes")
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    notes.write_text("my notes")
    shelf.redo("talk.mp3")
    assert outcomes(shelf, "talk.mp3") == {"talk.txt": Outcome.KEPT, "talk.watcherd-2.txt": Outcome.WRITTEN}
    assert shelf.text("talk.watcherd-2.txt") == "Hello there.\n"
    shelf.again("talk.mp3")
    shelf.redo("talk.mp3")
    assert outcomes(shelf, "talk.mp3") == {"talk.txt": Outcome.KEPT, "talk.watcherd-2.txt": Outcome.UNCHANGED}
    (shelf.folder / "talk.watcherd-2.txt").write_text("more notes")
    shelf.redo("talk.mp3")
    assert shelf.sidecars() == {"talk.txt", "talk.watcherd-2.txt", "talk.watcherd-3.txt"}
    assert shelf.text("talk.txt") == "my notes"
    assert shelf.text("talk.watcherd-2.txt") == "more notes"


def test_redo_passes_over_a_file_of_the_user_with_the_name_beside(shelf: Shelf) -> None:
    shelf.formats = ["txt"]
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    for name in ("talk.txt", "talk.watcherd-2.txt"):
        (shelf.folder / name).write_text("my notes")
    shelf.redo("talk.mp3")
    assert shelf.text("talk.watcherd-2.txt") == "my notes"
    assert shelf.text("talk.watcherd-3.txt") == "Hello there.\n"


def test_an_edit_after_redo_is_kept_without_a_second_file(shelf: Shelf) -> None:
    shelf.formats = ["txt"]
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    shelf.redo("talk.mp3")
    (shelf.folder / "talk.txt").write_text("edited")
    shelf.again("talk.mp3")
    assert shelf.sidecars() == {"talk.txt"}
    assert shelf.text("talk.txt") == "edited"


def test_what_the_user_deleted_stays_deleted_until_redo(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "talk.srt").unlink()
    shelf.again("talk.mp3")
    assert shelf.sidecars() == {"talk.txt"}
    assert shelf.reports["talk.mp3"].stay_deleted == [shelf.folder / "talk.srt"]
    shelf.redo("talk.mp3")
    assert shelf.sidecars() == {"talk.srt", "talk.txt"}


def go(shelf: Shelf, name: str) -> None:
    """What the daemon does when a recording is gone."""
    path = shelf.folder / name
    path.unlink(missing_ok=True)
    forget_lost_sidecars(shelf.ledger, path)
    shelf.ledger.paths.forget([path])


def come_back(shelf: Shelf, name: str, words: str) -> None:
    """What the daemon does when a recording is there again."""
    shelf.record(name, words)
    forget_lost_sidecars(shelf.ledger, shelf.folder / name)
    shelf.publish()


@pytest.mark.parametrize("together", [True, False])
def test_a_sidecar_that_went_with_its_recording_comes_back_with_it(
    shelf: Shelf,
    together: bool,  # noqa: FBT001  a parameter
) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    if together:
        (shelf.folder / "talk.srt").unlink()
    go(shelf, "talk.mp3")
    (shelf.folder / "talk.srt").unlink(missing_ok=True)

    come_back(shelf, "talk.mp3", "Hello there.")

    assert shelf.sidecars() == {"talk.srt", "talk.txt"}


def test_an_edited_sidecar_that_comes_back_with_its_recording_stays_as_it_is(shelf: Shelf) -> None:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    (shelf.folder / "talk.srt").unlink()
    go(shelf, "talk.mp3")
    (shelf.folder / "talk.srt").write_text("edited")

    come_back(shelf, "talk.mp3", "Hello there.")

    assert shelf.sidecars() == {"talk.srt", "talk.txt"}
    assert shelf.text("talk.srt") == "edited"


def test_a_sidecar_whose_folder_cannot_be_looked_into_is_not_forgotten(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = shelf.record("talk.mp3", "Hello there.")
    shelf.publish()

    def refuse(path: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "lstat", refuse)
        forget_lost_sidecars(shelf.ledger, recording)

    assert len(shelf.ledger.read.sidecars_of(recording)) == 2


# --- a recording that changes or moves ----------------------------------------------------------------------------


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
    assert outcomes(shelf, "talk.mp3") == {"talk.srt": Outcome.ADOPTED, "talk.txt": Outcome.KEPT}


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
    assert set(outcomes(shelf, "talk.mp3").values()) == {Outcome.UNCHANGED}


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


# --- without a ledger ---------------------------------------------------------------------------------------------


def test_one_command_does_not_overwrite_what_it_wrote_itself(tmp_path: Path) -> None:
    records, output = RunRecords(), tmp_path / "out"
    output.mkdir()
    reports = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        recording = tmp_path / folder / "memo.mp3"
        recording.touch()
        records.recording = recording
        reports.append(
            publish_sidecars(
                recording, spoken(folder), PROVENANCE, Wishes(("txt",)), records, destination=Destination(output, None)
            )
        )
    assert [report.written for report in reports] == [[output / "memo.txt"], [output / "memo.mp3.txt"]]
    assert (output / "memo.txt").read_text() == "one\n"
    assert (output / "memo.mp3.txt").read_text() == "two\n"


def test_a_second_command_keeps_what_the_first_one_wrote(tmp_path: Path) -> None:
    recording = tmp_path / "memo.mp3"
    recording.touch()
    for text, count in (("one", 1), ("one", 1), ("two", 0)):
        records = RunRecords()
        records.recording = recording
        report = publish_sidecars(
            recording,
            spoken(text),
            PROVENANCE,
            Wishes(("txt",)),
            records,
            destination=Destination.beside(recording, None),
        )
        assert len(report.written) == count
    assert report.kept == [tmp_path / "memo.txt"]
    assert (tmp_path / "memo.txt").read_text() == "one\n"


# --- cut off anywhere ---------------------------------------------------------------------------------------------

STEPS = ["fsync", "link", "rename", "unlink"]
NOTES = ["intend", "written", "keep", "drop", "published"]


class CutOffError(BaseException):
    """As if the power went: nothing but the test may catch it."""


@contextmanager
def cut_off_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the first so many steps happen, on the disk and in the ledger, and nothing at all after them."""
    steps = 0

    def guarded(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def step(*args: object, **kwargs: object) -> object:
            nonlocal steps
            if steps >= count:
                raise CutOffError
            steps += 1
            return real(*args, **kwargs)

        patch.setattr(owner, name, step)

    with monkeypatch.context() as patch:
        for name in NOTES:
            guarded(Publishing, name)
        for name in STEPS:
            guarded(os, name)
        yield


def prepare_first(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello there.")
    return {"talk.mp3", "talk.srt", "talk.txt"}


def prepare_new_content(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello bear.")
    shelf.publish()
    shelf.record("talk.mp3", "Hello there.")
    return {"talk.mp3", "talk.srt", "talk.txt"}


def prepare_move(shelf: Shelf) -> set[str]:
    recording = shelf.record("old.mp3", "Hello there.")
    shelf.publish()
    recording.rename(shelf.folder / "talk.mp3")
    return {"talk.mp3", "talk.srt", "talk.txt"}


def prepare_edited(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello bear.")
    shelf.publish()
    (shelf.folder / "talk.txt").write_text("edited")
    shelf.record("talk.mp3", "Hello there.")
    return {"talk.mp3", "talk.srt", "talk.txt", "talk.watcherd-2.txt"}


def prepare_silence(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    shelf.record("talk.mp3", "")
    return {"talk.mp3", "talk.txt"}


@pytest.mark.parametrize("prepare", [prepare_first, prepare_new_content, prepare_move, prepare_edited, prepare_silence])
def test_a_cut_at_any_step_is_made_good_by_doing_it_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Shelf], set[str]]
) -> None:
    count, finished = 0, False
    while not finished:
        shelf.start_over()
        expected = prepare(shelf)
        shelf.transcribe()
        with cut_off_after(count, monkeypatch), suppress(CutOffError):
            shelf.publish_due()
            finished = True
        shelf.reopen()
        shelf.publish()
        assert shelf.names() == expected
        words = (shelf.folder / "talk.mp3").read_text()
        beside = "talk.watcherd-2.txt" if "talk.watcherd-2.txt" in expected else "talk.txt"
        assert shelf.text(beside) == (f"{words}\n" if words else "")
        assert "talk.srt" not in expected or (shelf.folder / "talk.srt").read_bytes() == srt(words)
        [entry] = shelf.ledger.read.entries()
        assert entry.state in {State.DONE, State.NO_SPEECH}
        count += 1
    assert count > 5


def cut_off_somewhere(shelf: Shelf, count: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish a new recording up to some step; says whether that was all."""
    shelf.start_over()
    shelf.record("talk.mp3", "Hello bear.")
    shelf.transcribe()
    with cut_off_after(count, monkeypatch), suppress(CutOffError):
        shelf.publish_due()
        return True
    return False


def test_a_recording_that_moves_after_a_cut_leaves_nothing_behind(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    while not cut_off_somewhere(shelf, count, monkeypatch):
        (shelf.folder / "talk.mp3").rename(shelf.folder / "speech.mp3")
        shelf.reopen()
        shelf.publish()
        assert shelf.names() == {"speech.mp3", "speech.srt", "speech.txt"}
        count += 1
    assert count > 5


def test_a_second_cut_before_another_write_does_not_make_our_file_the_users(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Publishing.intend

    def intend_and_end(*args: Any) -> None:
        real(*args)
        raise CutOffError

    count = 0
    while not cut_off_somewhere(shelf, count, monkeypatch):
        shelf.record("talk.mp3", "Hello there.")
        shelf.reopen()
        with monkeypatch.context() as patch:
            patch.setattr(Publishing, "intend", intend_and_end)
            with pytest.raises(CutOffError):
                shelf.publish()
        shelf.reopen()
        shelf.publish()
        assert shelf.names() == {"talk.mp3", "talk.srt", "talk.txt"}
        assert shelf.text("talk.txt") == "Hello there.\n"
        assert (shelf.folder / "talk.srt").read_bytes() == srt("Hello there.")
        count += 1
    assert count > 5
