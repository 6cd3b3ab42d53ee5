import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sidecars.place import CUT_OFF, FINAL, OLD_WORDS, WORDS, WROTE, WROTE_OLD, Place, before, sha
from watcherd.errors import PublishBlockedError
from watcherd.sidecars.publish import Outcome, Target, preflight

# --- what becomes of the file there -------------------------------------------------------------------------------


def test_a_new_sidecar_is_announced_and_then_there(place: Place) -> None:
    assert place.put() is Outcome.WRITTEN
    assert place.sidecar.read_bytes() == WORDS
    assert place.intents == [None]
    assert place.names() == {FINAL}


def test_an_empty_sidecar_is_written_as_well(place: Place) -> None:
    assert place.put(content=b"") is Outcome.WRITTEN
    assert place.sidecar.read_bytes() == b""


def test_what_is_in_place_is_left_alone(place: Place) -> None:
    place.put()
    before = place.sidecar.stat()
    assert place.put(WROTE) is Outcome.UNCHANGED
    assert place.sidecar.stat() == before
    assert len(place.intents) == 1


def test_our_own_older_sidecar_is_replaced(place: Place) -> None:
    place.put(content=OLD_WORDS)
    assert place.put(WROTE_OLD) is Outcome.REPLACED
    assert place.sidecar.read_bytes() == WORDS
    assert place.intents == [None, place.sidecar]
    assert place.names() == {FINAL}


def test_a_sidecar_that_was_announced_with_other_words_is_replaced(place: Place) -> None:
    place.put(content=OLD_WORDS)
    assert place.put(Target(FINAL, intent=sha(OLD_WORDS))) is Outcome.REPLACED
    assert place.sidecar.read_bytes() == WORDS


def test_a_file_with_the_same_words_is_adopted(place: Place) -> None:
    place.sidecar.write_bytes(WORDS)
    assert place.put() is Outcome.ADOPTED
    assert place.intents == [place.sidecar]
    assert place.put(CUT_OFF) is Outcome.ADOPTED
    assert len(place.intents) == 1, "it was announced already"


@pytest.mark.parametrize("target", [Target(FINAL), WROTE_OLD, CUT_OFF])
def test_what_the_user_wrote_is_never_touched(place: Place, target: Target) -> None:
    place.sidecar.write_bytes(b"my own words\n")
    before = place.sidecar.stat()
    assert place.put(target) is Outcome.KEPT
    assert place.sidecar.stat() == before
    assert place.intents == []
    assert place.names() == {FINAL}


@pytest.mark.parametrize("target", [Target(FINAL), WROTE_OLD])
def test_an_empty_file_of_the_user_is_never_touched(place: Place, target: Target) -> None:
    place.sidecar.touch()
    assert place.put(target) is Outcome.KEPT
    assert place.sidecar.read_bytes() == b""


def test_what_the_user_deleted_stays_deleted(place: Place) -> None:
    assert place.put(WROTE) is Outcome.STAYS_DELETED
    assert place.names() == set()
    assert place.intents == []


def test_a_file_that_appears_at_the_last_moment_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before(monkeypatch, "link", lambda: place.sidecar.write_bytes(b"just now"))
    assert place.put() is Outcome.KEPT
    assert place.sidecar.read_bytes() == b"just now"
    assert place.names() == {FINAL}


def test_the_same_file_that_a_sync_tool_brings_at_the_last_moment_is_adopted(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(monkeypatch, "link", lambda: place.sidecar.write_bytes(WORDS))
    assert place.put() is Outcome.ADOPTED
    assert place.names() == {FINAL}


def test_an_edit_at_the_last_moment_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(content=OLD_WORDS)
    before(monkeypatch, "fsync", lambda: place.sidecar.write_bytes(b"edited"))
    assert place.put(WROTE_OLD) is Outcome.KEPT
    assert place.sidecar.read_bytes() == b"edited"
    assert place.names() == {FINAL}


# --- things that are no files -------------------------------------------------------------------------------------


def test_a_planted_symlink_is_neither_followed_nor_replaced(place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(OLD_WORDS)
    place.sidecar.symlink_to(secret)
    assert place.put(WROTE_OLD) is Outcome.KEPT
    assert place.sidecar.is_symlink()
    assert secret.read_bytes() == OLD_WORDS
    place.sidecar.unlink()
    place.sidecar.symlink_to(tmp_path / "not there")
    assert place.put() is Outcome.KEPT
    assert not (tmp_path / "not there").exists()


def test_a_fifo_with_the_name_of_the_sidecar_holds_nobody_up(place: Place) -> None:
    os.mkfifo(place.sidecar)
    assert place.put() is Outcome.KEPT
    assert place.sidecar.is_fifo()


def test_a_folder_with_the_name_of_the_sidecar_is_kept(place: Place) -> None:
    place.sidecar.mkdir()
    assert place.put() is Outcome.KEPT


def test_a_folder_that_became_a_symlink_is_not_written_to(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "link").symlink_to(elsewhere)
    for folder in (root / "inner" / "link", root / "inner" / "link" / "deeper"):
        (elsewhere / "deeper").mkdir(exist_ok=True)
        with pytest.raises(PublishBlockedError, match="gone, or a symbolic link"):
            preflight(folder, root)
    preflight(root / "inner", root)


def test_a_watched_folder_may_itself_be_given_by_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "disk" / "inner").mkdir(parents=True)
    (tmp_path / "recordings").symlink_to("disk")
    preflight(tmp_path / "recordings" / "inner", tmp_path / "recordings")
    preflight(tmp_path / "recordings", tmp_path / "recordings")


# --- rights -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("recording", "sidecar"), [(0o644, 0o644), (0o660, 0o660), (0o600, 0o600), (0o777, 0o666), (0o444, 0o644)]
)
def test_a_sidecar_has_the_rights_of_its_recording(place: Place, recording: int, sidecar: int) -> None:
    place.recording.chmod(recording)
    place.put()
    assert stat.S_IMODE(place.sidecar.stat().st_mode) == sidecar


def test_a_replaced_sidecar_keeps_the_rights_that_it_was_given(place: Place) -> None:
    place.put(content=OLD_WORDS)
    place.sidecar.chmod(0o640)
    assert place.put(WROTE_OLD) is Outcome.REPLACED
    assert stat.S_IMODE(place.sidecar.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_hands_a_sidecar_to_the_owner_of_the_recording(place: Place) -> None:
    os.chown(place.recording, 1234, 2345)
    place.put()
    status = place.sidecar.stat()
    assert (status.st_uid, status.st_gid) == (1234, 2345)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_setgid_folder_gives_its_group(place: Place) -> None:
    os.chown(place.path, 0, 3456)
    place.path.chmod(0o2775)
    os.chown(place.recording, 1234, 2345)
    place.put()
    status = place.sidecar.stat()
    assert (status.st_uid, status.st_gid) == (1234, 3456)
