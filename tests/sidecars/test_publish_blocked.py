"""Folders that cannot be written to, and file systems that cannot do all things."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sidecars.conftest import Mount
from tests.sidecars.place import CUT_OFF, FINAL, OLD_WORDS, WORDS, WROTE_OLD, Place, before, failing, sha
from watcherd.errors import PublishBlockedError
from watcherd.sidecars import publish as publishing
from watcherd.sidecars.folder import Folder
from watcherd.sidecars.publish import Outcome, Target, preflight, publish


@pytest.fixture(params=["renameat2", "neither"])
def without_hard_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    if request.param == "neither":
        monkeypatch.setattr(publishing, "_rename_to_free_name", failing(errno.EINVAL))


@pytest.mark.usefixtures("without_hard_links")
def test_a_sidecar_is_written_where_there_are_no_hard_links(place: Place) -> None:
    assert place.put() is Outcome.WRITTEN
    assert place.sidecar.read_bytes() == WORDS
    assert place.names() == {FINAL}


@pytest.mark.usefixtures("without_hard_links")
def test_nothing_is_overwritten_where_there_are_no_hard_links(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before(monkeypatch, "link", lambda: place.sidecar.write_bytes(b"just now"))
    assert place.put() is Outcome.KEPT
    assert place.sidecar.read_bytes() == b"just now"
    assert place.names() == {FINAL}


def test_a_name_that_was_only_reserved_is_filled_later(place: Place) -> None:
    place.sidecar.touch()
    assert place.put(CUT_OFF) is Outcome.REPLACED
    assert place.sidecar.read_bytes() == WORDS


def test_a_file_system_that_knows_no_owners_gets_its_sidecar(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchown", failing(errno.EPERM))
    monkeypatch.setattr(os, "fchmod", failing(errno.EPERM))
    assert place.put() is Outcome.WRITTEN


def test_the_true_name_is_found_where_case_does_not_count(place: Place) -> None:
    place.sidecar.write_bytes(WORDS)
    (place.path / "TALK.txt").touch()
    with Folder.open(place.path) as folder:
        status = folder.status(FINAL)
        assert status is not None
        # As if the kernel had found talk.srt under this name.
        assert folder.true_name("Talk.SRT", status) == FINAL
        assert folder.true_name(FINAL, status) == FINAL
        assert folder.true_name("other.srt", status) == "other.srt"


# --- folders that cannot be written to ----------------------------------------------------------------------------


def test_a_good_folder_passes_and_nothing_is_left_in_it(place: Place) -> None:
    preflight(place.path)
    assert place.names() == set()


def test_a_folder_that_is_gone_blocks(tmp_path: Path) -> None:
    with pytest.raises(PublishBlockedError, match="the folder is gone") as caught:
        preflight(tmp_path / "gone")
    assert caught.value.path == tmp_path / "gone"
    assert f"ls -ld {tmp_path / 'gone'}" in caught.value.remedy


def test_a_folder_that_goes_while_it_is_written_to_blocks(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish() -> None:
        for path in place.path.iterdir():
            path.unlink()
        place.path.rmdir()

    before(monkeypatch, "link", vanish)
    with pytest.raises(PublishBlockedError, match="the folder is gone"):
        place.put()


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_is_forbidden_blocks_with_the_command_that_helps(place: Place) -> None:
    place.path.chmod(0o555)
    try:
        with pytest.raises(PublishBlockedError, match="may not write in this folder") as caught:
            preflight(place.path)
        with pytest.raises(PublishBlockedError, match="may not write in this folder"):
            place.put()
    finally:
        place.path.chmod(0o755)
    assert caught.value.remedy.startswith("Run `sudo setfacl -m u:")
    assert place.names() == set()


def test_a_read_only_folder_blocks_with_the_command_that_helps(small_disk: tuple[Path, Mount]) -> None:
    folder, remount = small_disk
    place = Place(folder)
    remount("ro")
    with pytest.raises(PublishBlockedError, match="the folder is read-only") as caught:
        preflight(folder)
    assert f"sudo mount -o remount,rw {folder}" in caught.value.remedy
    with pytest.raises(PublishBlockedError, match="the folder is read-only"):
        place.put()
    remount("rw")
    preflight(folder)
    assert place.put() is Outcome.WRITTEN


def test_a_disk_that_is_nearly_full_blocks_before_the_work(small_disk: tuple[Path, Mount]) -> None:
    folder, _ = small_disk
    preflight(folder)
    (folder / "ballast").write_bytes(bytes(5 << 20))
    with pytest.raises(PublishBlockedError, match="less than 4 MiB are free") as caught:
        preflight(folder)
    assert f"df -h {folder}" in caught.value.remedy


def test_a_full_disk_leaves_the_old_sidecar_and_nothing_else(small_disk: tuple[Path, Mount]) -> None:
    place = Place(small_disk[0])
    place.put(content=OLD_WORDS)
    ballast = place.path / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    large = WORDS * 4_000
    with pytest.raises(PublishBlockedError, match="the disk is full"):
        place.put(WROTE_OLD, large)
    with pytest.raises(PublishBlockedError, match="the disk is full"):
        place.put(Target("other.srt"), large)
    assert place.names() == {FINAL, "ballast"}
    assert place.sidecar.read_bytes() == OLD_WORDS
    ballast.unlink()
    assert place.put(Target(FINAL, sha(OLD_WORDS), sha(large)), large) is Outcome.REPLACED


@pytest.mark.parametrize(
    ("number", "problem"),
    [(errno.EDQUOT, "the disk quota is used up"), (errno.EIO, "cannot be used: Input/output error")],
)
def test_other_failures_of_the_disk_block_and_leave_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, number: int, problem: str
) -> None:
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(PublishBlockedError, match=problem):
        place.put()
    assert place.names() == set()


def test_a_refused_intent_leaves_nothing(place: Place) -> None:
    def refuse() -> None:
        raise RuntimeError("no ledger")

    with Folder.open(place.path) as folder, pytest.raises(RuntimeError):
        publish(folder, Target(FINAL), WORDS, place.recording.stat(), refuse)
    assert place.names() == set()
