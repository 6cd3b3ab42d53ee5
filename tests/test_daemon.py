"""The real daemon in a process of its own, on real files, with the real model."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from tests.conftest import Speaker

MODEL = "packaged:tiny.en"
PATIENCE_S = 120


@dataclass
class Installation:
    """One configuration with its folder, and the commands over it."""

    config: Path
    folder: Path

    def command(self, *arguments: str | Path) -> list[str]:
        name, *rest = map(str, arguments)
        return [sys.executable, "-m", "watcherd", name, "-c", str(self.config), *rest]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, errors="surrogateescape", check=False
        )

    def listed(self) -> dict[str, dict[str, Any]]:
        """By the name relative to the folder."""
        entries = json.loads(self.run("list", "--json").stdout)
        return {os.path.relpath(entry["path"], self.folder): entry for entry in entries}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    folder = tmp_path / "recordings"
    folder.mkdir()
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
        [model]
        id = "{MODEL}"
        [[watch]]
        path = "{folder}"
        settle = "500ms"
        [ledger]
        path = "{tmp_path / "state" / "ledger.sqlite3"}"
        """
    )
    return Installation(config, folder)


class Changes(FileSystemEventHandler):
    """Wakes whoever waits for something to be so in a folder."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def on_any_event(self, event: FileSystemEvent) -> None:
        del event
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(so, PATIENCE_S), "it never came to be so"


@pytest.fixture
def changes(tmp_path: Path) -> Iterator[Changes]:
    handler, observer = Changes(), Observer()
    observer.schedule(handler, str(tmp_path), recursive=True)
    observer.start()
    yield handler
    observer.stop()
    observer.join()


class Log:
    """What a daemon says, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()

    def close(self) -> None:
        self._thread.join()

    def wait_for(self, text: str, times: int = 1) -> None:
        with self._said:
            found = self._said.wait_for(lambda: sum(text in line for line in self.lines) >= times, PATIENCE_S)
        assert found, f"never said {text!r}, but:\n{''.join(self.lines)}"


@dataclass
class Running:
    """A daemon at work."""

    process: subprocess.Popen[str]
    log: Log

    @property
    def engine(self) -> psutil.Process:
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def start() -> Iterator[Callable[[Installation], Running]]:
    started: list[Running] = []

    def start(installation: Installation) -> Running:
        process = subprocess.Popen(
            installation.command("run"), stderr=subprocess.PIPE, text=True, errors="surrogateescape"
        )
        started.append(Running(process, Log(process)))
        return started[-1]

    yield start
    for running in started:
        with running.process:
            running.process.kill()
            running.log.close()


def words(path: Path) -> list[str]:
    return "".join(c for c in path.read_text().lower() if c.isalpha() or c.isspace()).split()


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


def test_an_idle_parent_is_small_and_holds_no_library_of_the_model(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")

    parent = psutil.Process(daemon.process.pid)
    mapped = {Path(mapping.path).name for mapping in parent.memory_maps()}
    assert parent.memory_info().rss < 80e6
    assert not {name for name in mapped if "torch" in name or "tokenizers" in name}
    assert any("torch" in Path(mapping.path).name for mapping in daemon.engine.memory_maps())


def test_the_engine_ends_with_a_daemon_that_is_killed(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")
    engine = daemon.engine

    daemon.process.kill()

    assert engine.wait(PATIENCE_S) is not None or not engine.is_running()


def test_a_dead_engine_is_replaced_and_its_recording_done(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker, changes: Changes
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")
    first = daemon.engine
    first.suspend()  # so that it cannot be quicker than the kill
    shutil.copy(speak("This recording survives the engine."), installation.folder / "a.wav")
    daemon.log.wait_for("a.wav: started")

    first.kill()

    daemon.log.wait_for("it is tried again")  # in a while, by which the model is to be loaded
    assert json.loads(installation.run("status", "--json").stdout)["engine"] != "unloaded"
    changes.wait_until((installation.folder / "a.txt").exists)
    assert words(installation.folder / "a.txt") == "this recording survives the engine".split()
    assert daemon.engine.pid != first.pid
    daemon.log.wait_for(": done")
    assert installation.listed()["a.wav"]["state"] == "done"


def test_a_recording_that_kills_the_engine_three_times_is_set_aside_and_the_next_one_done(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")
    poison = speak("This one kills.")
    for death in range(1, 4):
        engine = daemon.engine
        engine.suspend()
        if death == 1:
            shutil.copy(poison, installation.folder / "poison.wav")
        daemon.log.wait_for("poison.wav: started", times=death)
        engine.kill()
        daemon.log.wait_for("is ready on cpu", times=death + 1 if death < 3 else death)
    daemon.log.wait_for("poison.wav: failed")

    shutil.copy(speak("The next one lives."), installation.folder / "next.wav")
    daemon.log.wait_for("next.wav: done")

    poisoned = installation.listed()["poison.wav"]
    assert (poisoned["state"], poisoned["error_class"]) == ("failed", "poison")
    assert "SIGKILL" in poisoned["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_also_while_the_model_loads(
    installation: Installation, start: Callable[[Installation], Running], number: int
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is starting")

    daemon.process.send_signal(number)

    assert daemon.process.wait(30) == 0


def test_a_second_daemon_over_the_same_ledger_is_refused(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")

    second = installation.run("once")

    assert second.returncode == 75
    assert str(daemon.process.pid) in second.stderr


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


def test_a_reload_takes_up_another_folder_and_a_bad_configuration_is_refused(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(speak("This recording is in another folder."), other / "b.wav")
    daemon = start(installation)
    daemon.log.wait_for(" ready")
    good = installation.config.read_text()

    installation.config.write_text(good + '[[watch]]\npath = "/no/such/folder"\n')
    refused = installation.run("reload")
    installation.config.write_text(good.replace('settle = "500ms"', 'language = "de"'))
    foreign = installation.run("reload")
    installation.config.write_text(good + f'[[watch]]\npath = "{other}"\nsettle = "500ms"\n')
    taken = installation.run("reload")

    assert refused.returncode == 78
    assert "/no/such/folder does not exist" in refused.stderr
    assert foreign.returncode == 78
    assert 'watch[1].language is "de"' in foreign.stderr
    assert taken.returncode == 0
    daemon.log.wait_for("b.wav: done")
    assert daemon.stop() == 0


def test_a_vocabulary_holds_after_a_reload_and_for_what_is_done_again(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker, tmp_path: Path
) -> None:
    recording, text = installation.folder / "a.wav", installation.folder / "a.txt"
    shutil.copy(
        speak("We should put the new numbers into Grafana before the meeting on Friday.", voice="en-us"), recording
    )
    daemon = start(installation)
    daemon.log.wait_for("a.wav: done")
    assert "Grafana" not in text.read_text()

    tried = installation.run("transcribe", "-o", tmp_path, "--json", "--vocabulary", "Proxmox, Grafana", recording)
    assert "Grafana" in json.loads(tried.stdout)[0]["segments"][0]["text"]

    names = json.dumps(["Proxmox", "Grafana", *(f"Llanfairpwllgwyngyll {number}" for number in range(50))])
    installation.config.write_text(
        installation.config.read_text().replace('settle = "500ms"', f'settle = "500ms"\n        vocabulary = {names}')
    )
    assert installation.run("reload").returncode == 0
    assert installation.run("redo", recording).returncode == 0

    daemon.log.wait_for("a.wav: done", times=2)
    assert "Grafana" in text.read_text()
    assert sum("of the 52 entries of its vocabulary" in line for line in daemon.log.lines) == 1


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
