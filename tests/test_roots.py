"""Folders with settings of their own, watched by one real daemon."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Speaker
from tests.test_daemon import MODEL, Installation, Running, start, words

__all__ = ["start"]  # a fixture


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_folder_is_served_by_its_own_settings(
    tmp_path: Path, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    phone, inbox, plain, notes = (tmp_path / name for name in ("phone", "inbox", "plain", "notes"))
    for folder in (phone / "trip", phone / "drafts", inbox / "deep", plain, notes):
        folder.mkdir(parents=True)
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
        [model]
        id = "{MODEL}"
        [[watch]]
        path = "phone"
        mode = "events"
        settle = "500ms"
        exclude = ["drafts/**"]
        language = "en"
        formats = ["srt", "json", "md"]
        language_suffix = true
        output_dir = "notes"
        [[watch]]
        path = "inbox"
        recursive = false
        mode = "poll"
        settle = "1s"
        sync_conflicts = "transcribe"
        formats = ["vtt"]
        [[watch]]
        path = "plain"
        settle = "500ms"
        [ledger]
        path = "state/ledger.sqlite3"
        """
    )
    copy = "memo.sync-conflict-20260301-101010-ABCDEFG.wav"
    trip, memo, talk = (
        speak("The first one was waiting here."),
        speak("Please call me back."),
        speak("The third one is moved in."),
    )
    for source, targets in (
        (trip, [phone / "trip" / "one.wav", phone / "drafts" / "two.wav", phone / copy]),
        (memo, [inbox / copy, inbox / "deep" / "three.wav"]),
        (talk, [plain / "talk.wav", plain / copy]),
    ):
        for target in targets:
            shutil.copy(source, target)
    installation = Installation(config, plain)

    daemon = start(installation)
    daemon.log.wait_for(": done", times=3)

    assert files(phone) == {"trip/one.wav", "drafts/two.wav", copy}
    assert files(notes) == {"trip/one.en.srt", "trip/one.json", "trip/one.md"}
    assert files(inbox) == {copy, copy.replace(".wav", ".vtt"), "deep/three.wav"}
    assert files(plain) == {"talk.wav", "talk.srt", "talk.txt", copy}
    document = json.loads((notes / "trip" / "one.json").read_text("utf-8"))
    assert document["language"] == "en"
    assert "language=en" in document["settings"]
    assert [segment["text"] for segment in document["segments"]] == ["The first one was waiting here."]
    assert "](../../phone/trip/one.wav#t=0) The first one was waiting here." in (notes / "trip" / "one.md").read_text(
        "utf-8"
    )
    assert (inbox / copy).with_suffix(".vtt").read_text("utf-8").startswith("WEBVTT\n\n00:00:0")
    assert words(plain / "talk.txt") == "the third one is moved in".split()
    daemon.log.wait_for(f"{phone}: watched by events")
    daemon.log.wait_for(f"{inbox}: watched by poll")
    entries = json.loads(installation.run("list", "--json").stdout)
    assert {entry["path"]: entry["state"] for entry in entries} == {
        str(path): "done" for path in (phone / "trip" / "one.wav", inbox / copy, plain / "talk.wav")
    }

    # A recording that moves into another folder gets what is wanted there. Only what has no successor there stays.
    (phone / "trip" / "one.wav").rename(plain / "one.wav")
    daemon.log.wait_for("one.wav: done", times=2)
    assert files(notes) == {"trip/one.json", "trip/one.md"}
    assert files(plain) == {"talk.wav", "talk.srt", "talk.txt", copy, "one.wav", "one.srt", "one.txt"}
    assert daemon.stop() == 0
