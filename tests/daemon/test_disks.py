"""A watched folder that cannot be written to for a time."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Speaker
from tests.daemon.running import Installation, Running, words


@pytest.fixture
def disk(installation: Installation) -> Iterator[Path]:
    """The watched folder, on a file system of its own with a little room."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "watcherd-test", str(installation.folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    yield installation.folder
    subprocess.run(["umount", "-l", installation.folder], check=True)


def test_a_full_disk_costs_no_work_and_the_recording_is_done_once_there_is_room(
    installation: Installation, disk: Path, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    recording, ballast = disk / "a.wav", disk / "ballast"
    shutil.copy(speak("This recording is transcribed only once."), recording)
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    daemon = start(installation)
    daemon.log.wait_for("a.wav: blocked")
    assert installation.listed()["a.wav"]["error_class"] == "blocked"
    assert not any("a.wav: started" in line for line in daemon.log.lines)
    assert sorted(path.name for path in disk.iterdir()) == ["a.wav", "ballast"]

    ballast.unlink()
    assert installation.run("retry", recording).returncode == 0

    daemon.log.wait_for("a.wav: done")
    assert words(disk / "a.txt") == "this recording is transcribed only once".split()


def test_a_read_only_folder_costs_no_work_and_the_recording_is_done_once_it_can_be_written(
    installation: Installation, disk: Path, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    recording = disk / "a.wav"
    shutil.copy(speak("This recording has been repaired."), recording)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    daemon = start(installation)
    daemon.log.wait_for("a.wav: blocked")
    assert not any("a.wav: started" in line for line in daemon.log.lines)

    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert installation.run("retry", recording).returncode == 0

    daemon.log.wait_for("a.wav: done")
    assert words(disk / "a.txt") == "this recording has been repaired".split()
