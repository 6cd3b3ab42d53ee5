import errno
import os
from pathlib import Path

import pytest

from tests.sidecars.conftest import Shelf, srt
from watcherd.publication import forget_lost_sidecars
from watcherd.sidecars.folder import Folder
from watcherd.sidecars.publish import Outcome

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
    assert set(shelf.outcomes("a.wav").values()) == {Outcome.UNCHANGED}


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
    assert set(shelf.outcomes("talk.mp3").values()) == {Outcome.UNCHANGED}
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
    assert shelf.outcomes("talk.mp3") == {"talk.txt": Outcome.KEPT, "talk.watcherd-2.txt": Outcome.WRITTEN}
    assert shelf.text("talk.watcherd-2.txt") == "Hello there.\n"
    shelf.again("talk.mp3")
    shelf.redo("talk.mp3")
    assert shelf.outcomes("talk.mp3") == {"talk.txt": Outcome.KEPT, "talk.watcherd-2.txt": Outcome.UNCHANGED}
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
