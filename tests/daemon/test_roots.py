"""Folders with settings of their own, watched by one real daemon."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Speaker
from tests.daemon.running import MODEL, Installation, Running, words

CONFIG = f"""
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
COPY = "memo.sync-conflict-20260301-101010-ABCDEFG.wav"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def four_folders(tmp_path: Path, speak: Speaker) -> Installation:
    """Three to watch and one for sidecars, with recordings that are wanted in one of them and not in another."""
    spoken = {
        "The first one was waiting here.": ["phone/trip/one.wav", "phone/drafts/two.wav", f"phone/{COPY}"],
        "Please call me back.": [f"inbox/{COPY}", "inbox/deep/three.wav"],
        "The third one is moved in.": ["plain/talk.wav", f"plain/{COPY}"],
    }
    for text, names in spoken.items():
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(speak(text), tmp_path / name)
    (tmp_path / "notes").mkdir()
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    return Installation(config, tmp_path)


def test_every_folder_is_served_by_its_own_settings(
    four_folders: Installation, start: Callable[[Installation], Running]
) -> None:
    phone, inbox, plain, notes = (four_folders.folder / name for name in ("phone", "inbox", "plain", "notes"))

    daemon = start(four_folders)
    daemon.log.wait_for(": done", times=3)

    assert files(phone) == {"trip/one.wav", "drafts/two.wav", COPY}
    assert files(notes) == {"trip/one.en.srt", "trip/one.json", "trip/one.md"}
    assert files(inbox) == {COPY, COPY.replace(".wav", ".vtt"), "deep/three.wav"}
    assert files(plain) == {"talk.wav", "talk.srt", "talk.txt", COPY}
    document = json.loads((notes / "trip" / "one.json").read_text("utf-8"))
    assert document["language"] == "en"
    assert "language=en" in document["settings"]
    assert [segment["text"] for segment in document["segments"]] == ["The first one was waiting here."]
    assert "](../../phone/trip/one.wav#t=0) The first one was waiting here." in (notes / "trip" / "one.md").read_text(
        "utf-8"
    )
    assert (inbox / COPY).with_suffix(".vtt").read_text("utf-8").startswith("WEBVTT\n\n00:00:0")
    assert words(plain / "talk.txt") == "the third one is moved in".split()
    daemon.log.wait_for(f"{phone}: watched by events")
    daemon.log.wait_for(f"{inbox}: watched by poll")
    entries = json.loads(four_folders.run("list", "--json").stdout)
    assert {entry["path"]: entry["state"] for entry in entries} == {
        str(path): "done" for path in (phone / "trip" / "one.wav", inbox / COPY, plain / "talk.wav")
    }

    # A recording that moves into another folder gets what is wanted there. Only what has no successor there stays.
    (phone / "trip" / "one.wav").rename(plain / "one.wav")
    daemon.log.wait_for("one.wav: done", times=2)
    assert files(notes) == {"trip/one.json", "trip/one.md"}
    assert files(plain) == {"talk.wav", "talk.srt", "talk.txt", COPY, "one.wav", "one.srt", "one.txt"}
    assert daemon.stop() == 0
