"""The real daemon on real files with the real model: what becomes of recordings."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Speaker
from tests.daemon.running import MODEL, Changes, Installation, Running, words


def test_what_is_there_what_is_copied_and_what_is_moved_in_is_transcribed(
    installation: Installation,
    changes: Changes,
    start: Callable[[Installation], Running],
    speak: Speaker,
    tmp_path: Path,
) -> None:
    folder = installation.folder
    one = speak("The first one was waiting here.")
    two = speak("The second one is copied into it.")
    three = speak("The third one is moved in.")
    four = speak("And the fourth one comes in a folder.")
    shutil.copy(one, folder / "one.wav")

    daemon = start(installation)
    changes.wait_until((folder / "one.txt").exists)
    shutil.copy(two, folder / "two.wav")
    shutil.copy(three, tmp_path / "three.wav")
    (tmp_path / "three.wav").rename(folder / "three.wav")
    (tmp_path / "album").mkdir()
    shutil.copy(four, tmp_path / "album" / "four.wav")
    (tmp_path / "album").rename(folder / "album")
    daemon.log.wait_for(": done", times=4)

    assert words(folder / "one.txt") == "the first one was waiting here".split()
    assert words(folder / "two.txt") == "the second one is copied into it".split()
    assert words(folder / "three.txt") == "the third one is moved in".split()
    assert words(folder / "album" / "four.txt") == "and the fourth one comes in a folder".split()
    assert (folder / "album" / "four.srt").read_text().startswith("1\n00:00:00,")
    status = json.loads(installation.run("status", "--json").stdout)
    assert (status["state"], status["engine"], status["device"], status["model"]) == ("idle", "loaded", "cpu", MODEL)
    assert status["counts"]["done"] == 4
    assert daemon.stop() == 0
    assert {entry["state"] for entry in installation.listed().values()} == {"done"}


def test_once_does_everything_and_a_second_time_nothing(installation: Installation, speak: Speaker) -> None:
    shutil.copy(speak("This recording is transcribed only once."), installation.folder / "a.wav")

    first = installation.run("once")
    transcribed_s = installation.listed()["a.wav"]["transcribed_s"]
    second = installation.run("once")

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == "transcribed 1; of 1 recordings 1 done\n"
    assert second.stdout == "nothing to do; of 1 recordings 1 done\n"
    entry = installation.listed()["a.wav"]
    assert entry["transcribed_s"] == transcribed_s > 0
    assert entry["attempts"] == 1
    assert entry["sidecars"] == [str(installation.folder / "a.srt"), str(installation.folder / "a.txt")]


def test_bad_input_ends_in_its_state_and_the_good_recording_beside_it_is_done(
    installation: Installation, speak: Speaker, tmp_path: Path
) -> None:
    folder = installation.folder
    good = speak("This one is good.")
    (folder / "text.mp3").write_text("this is no music at all\n" * 50)
    (folder / "empty.mp3").touch()
    make_video(tmp_path / "whole.mp4", good)
    whole = (tmp_path / "whole.mp4").read_bytes()
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    silent_video(folder / "no sound.mp4")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anullsrc", "-t", "3", folder / "silence.wav"], check=True
    )
    shutil.copy(good, folder / "two\nlines.wav")
    shutil.copy(speak("This name is no text."), folder / os.fsdecode(b"\xff\xfe.wav"))

    once = installation.run("once")

    listed = installation.listed()
    assert once.returncode == 1
    assert {name: entry["state"] for name, entry in listed.items()} == {
        "text.mp3": "failed",
        "truncated.mp4": "failed",
        "no sound.mp4": "failed",
        "silence.wav": "no_speech",
        "two\nlines.wav": "done",
        "\udcff\udcfe.wav": "done",
    }
    for name in ("text.mp3", "truncated.mp4", "no sound.mp4"):
        assert listed[name]["error_class"] == "permanent"
        assert name in once.stderr
    assert (folder / "silence.txt").read_bytes() == b""
    assert not (folder / "silence.srt").exists()
    assert words(folder / "two\nlines.txt") == "this one is good".split()
    assert "empty" in installation.run("show", folder / "empty.mp3").stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_blocked_and_done_once_it_may_be_read(installation: Installation, speak: Speaker) -> None:
    recording = installation.folder / "secret.wav"
    shutil.copy(speak("A secret."), recording)
    recording.chmod(0)

    assert installation.run("once").returncode == 1
    assert installation.listed()["secret.wav"]["state"] == "blocked"
    recording.chmod(0o600)
    assert installation.run("once").returncode == 0
    assert installation.listed()["secret.wav"]["state"] == "done"


def make_video(path: Path, sound: Path) -> None:
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-i", sound, "-shortest", path],
        check=True,
    )


def silent_video(path: Path) -> None:
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-t", "2", path], check=True
    )


def test_retry_and_redo_need_a_daemon(installation: Installation) -> None:
    for arguments in (("retry", "--failed"), ("retry", installation.folder / "a.wav"), ("redo", "a.wav"), ("status",)):
        assert installation.run(*arguments).returncode == 69


def test_a_redo_replaces_our_sidecar_and_goes_beside_an_edited_one(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    recording = installation.folder / "a.wav"
    shutil.copy(speak("This recording is transcribed only once."), recording)
    daemon = start(installation)
    daemon.log.wait_for("a.wav: done")
    (installation.folder / "a.txt").write_text("my own words\n")

    redo = installation.run("redo", recording, installation.folder / "none.wav")

    daemon.log.wait_for("a.wav: done", times=2)
    assert redo.returncode == 1
    assert "none.wav: it is not in the ledger" in redo.stderr
    assert (installation.folder / "a.txt").read_text() == "my own words\n"
    assert words(installation.folder / "a.watcherd-2.txt") == "this recording is transcribed only once".split()
    assert not (installation.folder / "a.watcherd-2.srt").exists()


def test_a_recording_that_is_brought_back_has_its_sidecars_again_and_one_that_stayed_has_not(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    spoken, folder = speak("This recording is transcribed only once."), installation.folder
    shutil.copy(spoken, folder / "a.wav")
    daemon = start(installation)
    daemon.log.wait_for("a.wav: done")

    for name in ("a.wav", "a.srt", "a.txt"):
        (folder / name).unlink()
    daemon.log.wait_for("a.wav: gone")
    shutil.copy(spoken, folder / "a.wav")
    daemon.log.wait_for("a.wav: done", times=2)
    assert words(folder / "a.txt") == "this recording is transcribed only once".split()
    assert (folder / "a.srt").exists()

    (folder / "a.srt").unlink()
    assert daemon.stop() == 0
    os.utime(folder / "a.wav")
    assert installation.run("once").returncode == 0
    assert not (folder / "a.srt").exists()
    assert sum("a.wav: started" in line for line in daemon.log.lines) == 1


def test_a_repaired_recording_is_done_and_a_retry_of_a_broken_one_fails_again(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    broken, repaired = installation.folder / "broken.mp3", installation.folder / "repaired.wav"
    broken.write_text("this is no music")
    repaired.write_text("nor is this")
    daemon = start(installation)
    daemon.log.wait_for(": failed", times=2)

    shutil.copy(speak("This recording has been repaired."), repaired)
    retry = installation.run("retry", broken)

    daemon.log.wait_for("repaired.wav: done")
    daemon.log.wait_for("broken.mp3: failed", times=2)
    assert retry.returncode == 0
    assert installation.run("retry", repaired).returncode == 1
