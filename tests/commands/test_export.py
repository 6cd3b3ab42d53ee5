from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Archive


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "export"


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_every_transcript_is_written_in_the_folders_of_the_recordings(
    archive: Archive, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archive.add("a.mp3", "Hello there.")
    archive.add("2026/jan/caf\udce9.mp3", "Good evening.")

    assert archive.watcherd("export", target) == 0

    assert tree(target) == {"a.srt", "a.txt", "2026/jan/caf\udce9.srt", "2026/jan/caf\udce9.txt"}
    assert (target / "a.txt").read_text() == "Hello there.\n"
    assert capfd.readouterr().out == "2 recordings: 4 files written\n"


def test_formats_are_chosen_and_json_says_what_became_of_each_file(
    archive: Archive, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recording = archive.add("a.mp3", "Hello there.")

    assert archive.watcherd("export", target, "--format", "md", "--format", "json", "--json") == 0

    assert json.loads(capfd.readouterr().out) == [
        {
            "recording": str(recording),
            "path": str(target / f"a.{kind}"),
            "format": kind,
            "outcome": "written",
            "problem": None,
        }
        for kind in ("md", "json")
    ]
    document = json.loads((target / "a.json").read_text())
    assert document["model"] == "packaged:base"


def test_several_watched_folders_are_told_apart(archive: Archive, target: Path, tmp_path: Path) -> None:
    other = tmp_path / "phone"
    other.mkdir()
    archive.config.write_text(archive.config.read_text() + f'[[watch]]\npath = "{other}"\n')
    archive.add("a.mp3", "Hello there.")
    archive.add("../phone/a.mp3", "Good evening.")

    assert archive.watcherd("export", target, "--format", "txt") == 0

    assert tree(target) == {"recordings/a.txt", "phone/a.txt"}


def test_a_second_export_changes_nothing_and_adds_what_is_new(
    archive: Archive, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archive.add("a.mp3", "Hello there.")
    archive.watcherd("export", target)
    before = (target / "a.txt").stat()
    archive.add("b.mp3", "Good evening.")
    capfd.readouterr()

    assert archive.watcherd("export", target) == 0

    assert capfd.readouterr().out == "2 recordings: 2 files written, 2 were there\n"
    after = (target / "a.txt").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_different_file_is_never_overwritten(
    archive: Archive, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archive.add("a.mp3", "Hello there.")
    target.mkdir()
    (target / "a.txt").write_text("mine")

    assert archive.watcherd("export", target) == 1

    assert (target / "a.txt").read_text() == "mine"
    out, err = capfd.readouterr()
    assert err == f"{target}/a.txt: another file is there and was left alone\n"
    assert out == "1 recording: 1 file written, 1 left alone\n"


def test_recordings_of_one_name_get_files_of_their_own(archive: Archive, target: Path) -> None:
    archive.add("a.mp3", "Hello there.")
    archive.add("a.wav", "Good evening.")

    assert archive.watcherd("export", target, "--format", "txt") == 0

    assert tree(target) == {"a.txt", "a.wav.txt"}


def test_where_nobody_speaks_there_are_no_subtitles(archive: Archive, target: Path) -> None:
    archive.add("a.mp3")

    assert archive.watcherd("export", target) == 0

    assert tree(target) == {"a.txt"}


@pytest.mark.parametrize("inside", ["", "sub/export", "link"])
def test_nothing_is_written_into_a_watched_folder(
    archive: Archive, inside: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archive.add("a.mp3", "Hello there.")
    target = archive.folder / inside
    if inside == "link":
        target = tmp_path / "link"
        target.symlink_to(archive.folder)

    assert archive.watcherd("export", target) == 2

    assert tree(archive.folder) == {"a.mp3"}
    assert "Choose a folder outside of it" in capfd.readouterr().err


def test_a_folder_that_would_meet_a_watched_one_is_refused(archive: Archive, tmp_path: Path) -> None:
    other = tmp_path / "phone"
    other.mkdir()
    archive.config.write_text(archive.config.read_text() + f'[[watch]]\npath = "{other}"\n')
    archive.add("a.mp3", "Hello there.")

    assert archive.watcherd("export", tmp_path) == 2
    assert tree(archive.folder) == {"a.mp3"}


def test_a_folder_for_sidecars_is_refused(archive: Archive, tmp_path: Path) -> None:
    sidecars = tmp_path / "sidecars"
    sidecars.mkdir()
    archive.config.write_text(archive.config.read_text().replace("[ledger]", f'output_dir = "{sidecars}"\n[ledger]'))
    archive.add("a.mp3", "Hello there.")

    assert archive.watcherd("export", sidecars / "all") == 2
    assert tree(sidecars) == set()


def test_a_disk_that_is_not_mounted_is_no_hindrance(archive: Archive, target: Path) -> None:
    recording = archive.add("a.mp3", "Hello there.")
    recording.unlink()
    archive.folder.rmdir()

    assert archive.watcherd("export", target) == 0

    assert tree(target) == {"a.srt", "a.txt"}


def test_what_an_export_that_was_cut_off_left_is_cleared(archive: Archive, target: Path) -> None:
    archive.add("a.mp3", "Hello there.")
    target.mkdir()
    (target / ".syncthing.watcherd-0123456789abcdef.~.tmp").write_text("half")

    assert archive.watcherd("export", target, "--format", "txt") == 0

    assert tree(target) == {"a.txt"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_for_each_file(
    archive: Archive, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archive.add("a.mp3", "Hello there.")
    target.mkdir(mode=0o500)

    assert archive.watcherd("export", target, "--format", "txt") == 1
    assert "1 failed" in capfd.readouterr().out


def test_a_file_in_the_way_of_a_folder_is_told(
    archive: Archive, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archive.add("sub/a.mp3", "Hello there.")
    archive.add("b.mp3", "Good evening.")
    target.mkdir()
    (target / "sub").write_text("a file")

    assert archive.watcherd("export", target, "--format", "txt") == 1

    assert tree(target) == {"b.txt", "sub"}
    assert capfd.readouterr().out == "2 recordings: 1 file written, 1 failed\n"


def test_without_a_ledger_there_is_nothing_to_export(archive: Archive, target: Path) -> None:
    assert archive.watcherd("export", target) == 78
    assert not target.exists()
