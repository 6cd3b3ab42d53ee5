"""What ``redo`` asks for: of a ledger with real files, and of the real daemon by its own command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Speaker
from tests.daemon.running import Installation, Running
from tests.sidecars.conftest import Shelf, shelf
from watcherd.ledger.states import State
from watcherd.redo import redo
from watcherd.service.control import Request
from watcherd.service.requests import BadRequestError

__all__ = ["shelf"]  # a fixture


def made(shelf: Shelf, *names: str) -> list[Path]:
    paths = [shelf.record(name, f"This is {name}.") for name in names]
    shelf.publish()
    return paths


def ask(shelf: Shelf, **what: Any) -> Any:
    return redo(shelf.ledger, {"command": "redo", **what})


def names(shelf: Shelf) -> list[str]:
    return sorted(path.name for path in shelf.folder.iterdir())


def states(shelf: Shelf) -> dict[str, State]:
    return {entry.path.name: entry.state for entry in shelf.ledger.read.entries()}


def test_a_format_is_added_from_the_stored_transcript(shelf: Shelf) -> None:
    [recording] = made(shelf, "a.mp3")

    assert ask(shelf, paths=[str(recording)], formats=["vtt"]) == {"refused": {}, "asked": 1}
    assert shelf.ledger.queue.next([shelf.folder]) is None
    shelf.publish_due()

    assert names(shelf) == ["a.mp3", "a.srt", "a.txt", "a.vtt"]
    assert shelf.text("a.vtt").startswith("WEBVTT")
    assert states(shelf) == {"a.mp3": State.DONE}


def test_without_files_it_means_every_transcript(shelf: Shelf) -> None:
    made(shelf, "a.mp3", "b.mp3")
    shelf.record("c.mp3", "Not yet.")
    shelf.scan()

    assert ask(shelf, formats=["vtt", "lrc"])["asked"] == 2
    shelf.publish_due()

    assert {"a.vtt", "a.lrc", "b.vtt", "b.lrc"} <= set(names(shelf))
    assert "c.vtt" not in names(shelf)


def test_a_format_that_was_added_follows_its_recording_and_its_next_transcription(shelf: Shelf) -> None:
    [recording] = made(shelf, "a.mp3")
    ask(shelf, paths=[str(recording)], formats=["vtt"])
    shelf.publish_due()

    recording.rename(shelf.folder / "b.mp3")
    shelf.publish()
    assert names(shelf) == ["b.mp3", "b.srt", "b.txt", "b.vtt"]

    (shelf.folder / "b.vtt").write_text("my own")
    shelf.redo("b.mp3")
    assert "b.watcherd-2.vtt" in names(shelf)


def test_a_file_that_is_not_ours_stays_as_it_is(shelf: Shelf) -> None:
    [recording] = made(shelf, "a.mp3")
    (shelf.folder / "a.vtt").write_text("somebody's")

    ask(shelf, paths=[str(recording)], formats=["vtt"])
    shelf.publish_due()

    assert (shelf.folder / "a.vtt").read_text() == "somebody's"


def test_a_deleted_sidecar_comes_back_when_its_format_is_asked_for_and_no_other_does(shelf: Shelf) -> None:
    [recording] = made(shelf, "a.mp3")
    (shelf.folder / "a.srt").unlink()
    (shelf.folder / "a.txt").unlink()

    ask(shelf, paths=[str(recording)], formats=["srt"])
    shelf.publish_due()

    assert names(shelf) == ["a.mp3", "a.srt"]


def test_beside_an_edited_sidecar_stands_the_new_one_and_only_one(shelf: Shelf) -> None:
    [recording] = made(shelf, "a.mp3")
    (shelf.folder / "a.srt").write_text("edited")

    for _ in range(2):
        ask(shelf, paths=[str(recording)], formats=["srt"])
        shelf.publish_due()

    assert names(shelf) == ["a.mp3", "a.srt", "a.txt", "a.watcherd-2.srt"]
    assert shelf.text("a.srt") == "edited"


def test_all_that_a_model_made_is_asked_for_at_once(shelf: Shelf) -> None:
    made(shelf, "a.mp3", "b.mp3")

    assert ask(shelf, model="packaged:tiny.en")["asked"] == 0
    assert ask(shelf, model="packaged:base")["asked"] == 2
    assert states(shelf) == {"a.mp3": State.PENDING, "b.mp3": State.PENDING}
    assert ask(shelf, model="packaged:base")["asked"] == 0


def test_files_that_another_model_made_are_refused(shelf: Shelf) -> None:
    [a, b] = made(shelf, "a.mp3", "b.mp3")
    c = shelf.record("c.mp3", "Not yet.")
    shelf.scan()

    assert ask(shelf, paths=[str(a)], model="packaged:tiny.en")["refused"] == {
        str(a): "packaged:base made its transcript"
    }
    assert ask(shelf, paths=[str(b), str(c), "/none"], model="packaged:base") == {
        "refused": {str(c): "it has no transcript yet", "/none": "it is not in the ledger"},
        "asked": 1,
    }
    assert states(shelf) == {"a.mp3": State.DONE, "b.mp3": State.PENDING, "c.mp3": State.PENDING}


def test_a_recording_is_asked_for_once_however_often_it_is_named(shelf: Shelf) -> None:
    [a] = made(shelf, "a.mp3")
    shutil.copy(a, shelf.folder / "copy.mp3")
    shelf.scan()
    shelf.publish_due()

    assert ask(shelf, paths=[str(a), str(a), str(shelf.folder / "copy.mp3")])["asked"] == 1
    assert ask(shelf, paths=[str(a)])["refused"] == {str(a): "it is about to be transcribed anyway"}


@pytest.mark.parametrize(
    "what",
    [
        {"paths": "a.mp3"},
        {"paths": ["relative"]},
        {"model": 3},
        {"formats": ["docx"]},
        {"formats": "srt"},
        {"formats": [["srt"]]},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(shelf: Shelf, what: Request) -> None:
    with pytest.raises(BadRequestError):
        ask(shelf, **what)


def test_the_daemon_adds_a_format_and_does_again_what_a_model_made(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    recording = installation.folder / "a.wav"
    shutil.copy(speak("This recording is transcribed by a model."), recording)
    daemon = start(installation)
    daemon.log.wait_for("a.wav: done")

    added = installation.run("redo", "--format", "json")
    daemon.log.wait_for("a.wav: done", times=2)
    none = installation.run("redo", "--model", "openai/whisper-large-v3")
    again = installation.run("redo", "--model", "packaged:tiny.en", recording)
    daemon.log.wait_for("a.wav: done", times=3)

    assert (added.returncode, added.stdout) == (0, "1 recording: json asked for\n")
    assert json.loads((installation.folder / "a.json").read_text())["model"] is not None
    assert (none.returncode, none.stdout) == (0, "there is nothing of that kind\n")
    assert (again.returncode, again.stdout) == (0, f"{recording}: redo asked for\n")
    assert sum("a.wav: started" in line for line in daemon.log.lines) == 2
    assert installation.run("redo").returncode == 2
