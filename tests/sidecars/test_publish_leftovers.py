"""What is taken away again, and what a publisher leaves that is cut off."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.sidecars.place import FINAL, OLD_WORDS, TEMP, WORDS, WROTE, WROTE_OLD, Place, failing, sha
from watcherd.sidecars.folder import Folder
from watcherd.sidecars.publish import Outcome, Target, remove, remove_stale_temps


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
