import subprocess
from pathlib import Path

import pytest

from tests.conftest import Speaker
from watcherd.discovery.wholeness import why_cut_off

SENTENCE = "This sentence is long enough that it cannot be taken for whole when its second half is missing."


def recording(speak: Speaker, folder: Path, extension: str) -> Path:
    path = folder / f"memo.{extension}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", speak(SENTENCE), path], check=True)
    return path


def never() -> bool:
    return False


@pytest.mark.parametrize("extension", ["wav", "aiff", "mp3", "m4a", "mp4", "flac", "ogg", "opus", "mka"])
def test_half_a_recording_is_told_from_a_whole_one(speak: Speaker, tmp_path: Path, extension: str) -> None:
    path = recording(speak, tmp_path, extension)
    assert why_cut_off(path, never) is None
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert why_cut_off(path, never) is not None


def test_a_recorder_that_could_not_go_back_to_its_header_is_believed(speak: Speaker, tmp_path: Path) -> None:
    path = tmp_path / "memo.wav"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(speak(SENTENCE)), "-f", "wav", "-"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    assert path.read_bytes()[4:8] == b"\xff" * 4
    assert why_cut_off(path, never) is None


def test_a_file_that_was_made_in_its_full_size_and_not_filled_yet_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "memo.mp3"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    assert why_cut_off(path, never) is not None
