import errno
import os
import stat
from pathlib import Path

import pytest

from tests.sidecars.conftest import Mount, Shelf
from watcherd.config import Settings
from watcherd.discovery.candidates import why_ignored
from watcherd.errors import PublishBlockedError
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.publish import preflight


@pytest.fixture
def mirrored(shelf: Shelf, tmp_path: Path) -> Shelf:
    """A folder whose sidecars go elsewhere."""
    shelf.output = tmp_path / "notes"
    shelf.output.mkdir()
    return shelf


def names(folder: Path | None) -> set[str]:
    assert folder is not None
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_sidecars_go_into_a_tree_like_that_of_the_recordings(mirrored: Shelf) -> None:
    mirrored.record("talk.mp3", "Hello there.")
    mirrored.record("2026/march/talk.mp3", "Hello again.")
    mirrored.publish()
    assert mirrored.sidecars() == set()
    assert names(mirrored.output) == {"talk.srt", "talk.txt", "2026/march/talk.srt", "2026/march/talk.txt"}


def test_the_tree_may_lie_inside_the_watched_folder_and_nothing_of_it_is_taken_for_a_recording(shelf: Shelf) -> None:
    shelf.output = shelf.folder / "notes"
    shelf.output.mkdir()
    shelf.formats = ["srt", "vtt", "txt", "json", "tsv", "lrc", "md"]
    shelf.record("2026/talk.mp3", "Hello there.")
    shelf.publish()
    (root,) = Settings.for_folder(shelf.folder).watch
    sidecars = [shelf.folder / name for name in shelf.sidecars()]
    assert {sidecar.parent for sidecar in sidecars} == {shelf.output / "2026"}
    assert len(sidecars) == 7
    assert all(why_ignored(root, sidecar) for sidecar in sidecars)


def test_sidecars_follow_a_recording_that_moves(mirrored: Shelf) -> None:
    recording = mirrored.record("old/talk.mp3", "Hello there.")
    mirrored.publish()
    (mirrored.folder / "new").mkdir()
    recording.rename(mirrored.folder / "new" / "speech.mp3")
    mirrored.publish()
    assert names(mirrored.output) == {"new/speech.srt", "new/speech.txt"}


def test_a_redo_brings_sidecars_from_beside_the_recording_into_the_tree(shelf: Shelf, tmp_path: Path) -> None:
    shelf.record("a/talk.mp3", "Hello there.")
    shelf.record("a/edited.mp3", "Hello there, too.")
    shelf.publish()
    (shelf.folder / "a" / "edited.txt").write_text("edited")
    shelf.output = tmp_path / "notes"
    shelf.output.mkdir()
    for name in ("a/talk.mp3", "a/edited.mp3"):
        shelf.redo(name)
    assert names(shelf.output) == {"a/talk.srt", "a/talk.txt", "a/edited.srt", "a/edited.txt"}
    assert shelf.sidecars() == {"a/edited.txt"}
    assert shelf.text("a/edited.txt") == "edited"


def test_the_links_of_a_note_lead_back_to_the_recording(mirrored: Shelf) -> None:
    mirrored.formats = ["md"]
    mirrored.record("2026/talk.mp3", "Hello there.")
    mirrored.publish()
    assert mirrored.output is not None
    note = (mirrored.output / "2026" / "talk.md").read_text()
    assert "](../../recordings/2026/talk.mp3#t=0)" in note


def test_a_file_of_the_user_in_the_tree_is_never_touched(mirrored: Shelf) -> None:
    assert mirrored.output is not None
    (mirrored.output / "talk.txt").write_text("my notes")
    mirrored.record("talk.mp3", "Hello there.")
    mirrored.publish()
    assert (mirrored.output / "talk.txt").read_text() == "my notes"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o2770])
def test_a_new_folder_has_the_rights_of_the_one_it_stands_for(mirrored: Shelf, mode: int) -> None:
    recording = mirrored.record("team/talk.mp3", "Hello there.")
    recording.parent.chmod(mode)
    before = os.umask(0o077)
    try:
        mirrored.publish()
    finally:
        os.umask(before)
    assert mirrored.output is not None
    made = (mirrored.output / "team").stat()
    assert made.st_mode & 0o777 == mode & 0o777


def test_a_setgid_folder_hands_its_group_and_the_bit_down(mirrored: Shelf) -> None:
    assert mirrored.output is not None
    mirrored.output.chmod(0o2775)
    mirrored.record("team/talk.mp3", "Hello there.")
    mirrored.publish()
    made = (mirrored.output / "team").stat()
    assert made.st_mode & stat.S_ISGID
    assert made.st_gid == mirrored.output.stat().st_gid


def test_rights_that_a_service_may_not_set_are_no_hindrance(mirrored: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchmod", forbidden)
    monkeypatch.setattr(os, "fchown", forbidden)
    mirrored.record("team/talk.mp3", "Hello there.")
    mirrored.publish()
    assert names(mirrored.output) == {"team/talk.srt", "team/talk.txt"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_root_hands_a_new_folder_to_the_owner_of_the_one_it_stands_for(mirrored: Shelf) -> None:
    recording = mirrored.record("team/talk.mp3", "Hello there.")
    os.chown(recording.parent, 1234, 2345)
    os.chown(recording, 1234, 2345)
    mirrored.publish()
    assert mirrored.output is not None
    for name in ("team", "team/talk.srt", "team/talk.txt"):
        made = (mirrored.output / name).stat()
        assert (made.st_uid, made.st_gid) == (1234, 2345)


def test_a_tree_that_is_away_blocks_and_is_never_made(mirrored: Shelf) -> None:
    assert mirrored.output is not None
    mirrored.record("2026/talk.mp3", "Hello there.")
    mirrored.transcribe()
    mirrored.output.rmdir()
    destination = mirrored.destination(mirrored.folder / "2026" / "talk.mp3")
    with pytest.raises(PublishBlockedError, match="the folder is gone"):
        preflight(destination.existing, destination.root)
    with pytest.raises(PublishBlockedError, match="the folder is gone") as caught:
        mirrored.publish_due()
    assert caught.value.path == mirrored.output
    assert not mirrored.output.exists()
    mirrored.output.mkdir()
    mirrored.publish_due()
    assert names(mirrored.output) == {"2026/talk.srt", "2026/talk.txt"}


def test_no_symbolic_link_leads_out_of_the_tree(mirrored: Shelf, tmp_path: Path) -> None:
    assert mirrored.output is not None
    (tmp_path / "elsewhere").mkdir()
    (mirrored.output / "2026").symlink_to(tmp_path / "elsewhere")
    mirrored.record("2026/talk.mp3", "Hello there.")
    mirrored.transcribe()
    with pytest.raises(PublishBlockedError, match="a symbolic link has its place"):
        mirrored.publish_due()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_keeps_sidecars_out_of_the_tree_is_known_before_the_work(
    shelf: Shelf, small_disk: tuple[Path, Mount]
) -> None:
    disk, remount = small_disk
    destination = Destination.mirrored(shelf.folder / "2026" / "talk.mp3", shelf.folder, disk)
    assert destination.existing == disk
    preflight(destination.existing, destination.root)
    (disk / "filler").write_bytes(bytes(6 << 20))
    with pytest.raises(PublishBlockedError, match="less than 4 MiB are free"):
        preflight(destination.existing, destination.root)
    (disk / "filler").unlink()
    remount("ro")
    with pytest.raises(PublishBlockedError, match="the folder is read-only"):
        preflight(destination.existing, destination.root)


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_may_not_be_written_to_is_known_before_the_work(mirrored: Shelf) -> None:
    assert mirrored.output is not None
    mirrored.output.chmod(0o500)
    destination = mirrored.destination(mirrored.folder / "2026" / "talk.mp3")
    with pytest.raises(PublishBlockedError, match="may not write in this folder"):
        preflight(destination.existing, destination.root)
