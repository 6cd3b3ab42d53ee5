import errno
import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.sidecars.conftest import Mount
from watcherd.errors import PublishBlockedError
from watcherd.sidecars import publish as publishing
from watcherd.sidecars.folder import Folder
from watcherd.sidecars.publish import Outcome, Target, preflight, publish, remove, remove_stale_temps

WORDS = b"1\n00:00:00,000 --> 00:00:02,000\nHello there.\n"
OLD_WORDS = b"1\n00:00:00,000 --> 00:00:02,000\nHello bear.\n"
TEMP = ".syncthing.watcherd-0123456789abcdef.~.tmp"
FINAL = "talk.srt"


def sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class Place:
    """A folder with a recording, and every intent that was announced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recording = path / "talk.mp3"
        self.recording.write_bytes(b"sound")
        self.recording.chmod(0o644)
        self.intents: list[Path | None] = []

    @property
    def sidecar(self) -> Path:
        return self.path / FINAL

    def put(self, target: Target | None = None, content: bytes = WORDS) -> Outcome:
        def intend() -> None:
            self.intents.append(self.sidecar if os.path.lexists(self.sidecar) else None)

        with Folder.open(self.path) as folder:
            return publish(folder, target or Target(FINAL), content, self.recording.stat(), intend)

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()} - {"talk.mp3"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return Place(folder)


WROTE = Target(FINAL, previous_sha256=sha(WORDS), was_written=True)
WROTE_OLD = Target(FINAL, previous_sha256=sha(OLD_WORDS), was_written=True)
CUT_OFF = Target(FINAL, intent=sha(WORDS))


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


def before(monkeypatch: pytest.MonkeyPatch, call: str, happens: Callable[[], object]) -> None:
    """Let something happen just before publishing calls a function of ``os``, once."""
    real, pending = getattr(os, call), [happens]

    def hooked(*args: Any, **kwargs: Any) -> Any:
        if pending:
            pending.pop()()
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, hooked)


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


# --- file systems that cannot all things --------------------------------------------------------------------------


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


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


# --- removing -----------------------------------------------------------------------------------------------------


def test_only_what_we_wrote_is_removed(place: Place) -> None:
    place.put()
    with Folder.open(place.path) as folder:
        assert not remove(folder, WROTE_OLD)
        assert place.sidecar.exists()
        assert remove(folder, WROTE)
        assert not place.sidecar.exists()
        assert remove(folder, WROTE), "it is gone already"


def test_stale_temps_are_removed_and_nothing_else(place: Place) -> None:
    others = {
        ".syncthing.talk.mp3.tmp",
        ".syncthing.watcherd-0123456789abcde.~.tmp",
        ".syncthing.watcherd-0123456789ABCDEF.~.tmp",
        f"{TEMP}.bak",
        FINAL,
    }
    for name in (*others, TEMP):
        (place.path / name).touch()
    os.mkfifo(place.path / TEMP.replace("0", "f"))
    assert remove_stale_temps(place.path, time.time()) == [TEMP]
    assert place.names() == others | {TEMP.replace("0", "f")}


def test_a_temp_that_somebody_still_writes_is_left(place: Place) -> None:
    temp = place.path / TEMP
    temp.touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, temp], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert remove_stale_temps(place.path, time.time()) == []
        assert temp.exists()
        holder.kill()
    assert remove_stale_temps(place.path, time.time()) == [TEMP]


HOLD = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_without_locks_age_decides_about_temps(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    temp = place.path / TEMP
    temp.touch()
    monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
    written = temp.stat().st_mtime
    assert remove_stale_temps(place.path, written + 3_599) == []
    assert remove_stale_temps(place.path, written + 3_601) == [TEMP]
    assert place.put() is Outcome.WRITTEN


# --- cut off anywhere ---------------------------------------------------------------------------------------------

PUBLISHER = """
import os, signal, sys
from pathlib import Path
from watcherd.sidecars.folder import Folder
from watcherd.sidecars.publish import Target, publish

folder, old_words, words, deadly, side = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
calls = 0

def counted(real):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == deadly and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return real(*args, **kwargs)
        finally:
            if calls == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
    return call

for name in "open close stat write fchown fchmod fstat fsync link unlink rename".split():
    setattr(os, name, counted(getattr(os, name)))

old = bytes.fromhex(old_words) or None
with Folder.open(folder) as opened:
    publish(opened, Target("talk.srt", previous_sha256=old), words.encode(), os.stat(folder / "talk.mp3"), lambda: None)
"""


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("old", [None, OLD_WORDS], ids=["first", "again"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_and_can_be_repeated(
    place: Place, side: str, old: bytes | None
) -> None:
    kills = 0
    while True:
        place.sidecar.unlink(missing_ok=True)
        if old is not None:
            place.sidecar.write_bytes(old)
        old_sha = "" if old is None else sha(old).hex()
        arguments = [str(place.path), old_sha, WORDS.decode(), str(kills + 1), side]
        done = subprocess.run([sys.executable, "-c", PUBLISHER, *arguments], check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        kills += 1
        found = place.sidecar.read_bytes() if place.sidecar.exists() else None
        assert found in {old, WORDS}
        remove_stale_temps(place.path, time.time())
        assert place.names() <= {FINAL}
        target = Target(FINAL, previous_sha256=None if old is None else sha(old), intent=sha(WORDS))
        assert place.put(target) in {Outcome.WRITTEN, Outcome.REPLACED, Outcome.ADOPTED}
        assert place.sidecar.read_bytes() == WORDS
        assert place.names() == {FINAL}
    assert kills > 8
