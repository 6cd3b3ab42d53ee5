import subprocess
import sys
from pathlib import Path

import pytest

from watcherd.engine.ffmpeg import program, require_ffmpeg
from watcherd.errors import ToolMissingError


def executable(path: Path) -> Path:
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return path


def test_both_programs_are_found() -> None:
    assert Path(require_ffmpeg()).name == "ffmpeg"
    assert Path(program("ffprobe")).is_absolute()


def test_a_missing_program_is_told_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolMissingError, match=r"ffprobe is not installed\. .*apt install ffmpeg") as caught:
        require_ffmpeg()

    assert "sudo apt install ffmpeg" in str(caught.value)


def test_avconv_is_not_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("avconv", "avprobe", "ffmpeg", "ffprobe"):
        executable(tmp_path / name)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert require_ffmpeg() == str(tmp_path / "ffmpeg")


def test_a_program_in_the_current_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = executable(tmp_path / "ffmpeg")
    monkeypatch.chdir(tmp_path)

    assert Path(program("ffmpeg")).resolve() != trap

    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolMissingError):
        program("ffmpeg")


def test_it_is_imported_without_a_warning_where_ffmpeg_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import watcherd.engine.ffmpeg"],
        env={"PATH": "/nonexistent"},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
