import os
import socket
from pathlib import Path

import pytest

from tests.discovery.conftest import Root
from watcherd.discovery.candidates import Candidates, why_ignored, why_not_kind

ROOT = Root(Path("/rec"))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "memo.wav",
            "memo.mp3",
            "memo.m4a",
            "MEMO.MP3",
            "a.b.c.flac",
            "talk.opus",
            "film.mkv",
            "film.webm",
            "call.amr",
        ),
        *("two\nlines.mp3", "\udcff.mp3", "ünïcode.ogg", " .mp3", "a/b/c/deep.wma", "dot.ted/x.mp4", "tmp.mp3"),
        *("partial.mp3", "temperature.tmpl.wav", "conflict.mp3", "my conflicted copybook.mp3", "watcherd-2.mp3"),
    ],
)
def test_a_recording_is_known_by_its_extension(name: str) -> None:
    assert Candidates(ROOT).why_not_path(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *(
            "notes.txt",
            "memo.srt",
            "memo.txt",
            "memo.vtt",
            "memo.json",
            "memo.watcherd-2.srt",
            "mp3",
            "memo",
            "memo.mp3.bak",
        ),
        *(".mp3", ".hidden.mp3", "._memo.mp3", ".pending-1700000000-memo.m4a", ".trashed-1700000000-memo.m4a"),
        *(".syncthing.memo.mp3.tmp", "~syncthing~memo.mp3.tmp", "~syncthing~memo.mp3", ".memo.mp3.~1a2b3c"),
        *("memo.mp3.1a2b3c4d.partial", ".memo.mp3.Xy12ab", "memo.mp3.!sync", "memo.mp3.crdownload", "memo.mp3.part"),
        *("memo.mp3.filepart", "talk.temp.mp4", "talk.tmp.wav", ".syncthing.watcherd-0123456789abcdef.~.tmp"),
        *("x.watcherd-0123456789abcdef.mp3",),
    ],
)
def test_what_is_not_a_recording_yet_is_known_by_its_name(name: str) -> None:
    assert Candidates(ROOT).why_not_path(name) is not None


@pytest.mark.parametrize(
    "folder",
    [
        *(".stversions", ".stfolder", ".dropbox.cache", ".tmp.drivedownload", ".tmp.driveupload", ".~tmp~"),
        *(".rsync-partial", ".recycle", "#recycle", "@eaDir", ".Trash-1000", ".Trashes", ".Spotlight-V100"),
        *("__MACOSX", ".sync", ".git", "lost+found", "$RECYCLE.BIN", "System Volume Information", "memo.mp3.download"),
    ],
)
def test_folders_of_sync_programs_and_trash_are_passed_over(folder: str) -> None:
    rules = Candidates(ROOT)
    assert rules.why_not_folder(folder) is not None
    assert rules.why_not_path(f"{folder}/memo.mp3") == rules.why_not_folder(folder)
    assert rules.why_not_path(f"year/{folder}/deep/memo.mp3") is not None


CONFLICTS = [
    "memo.sync-conflict-20260102-030405-ABCDEFG.mp3",
    "memo (conflicted copy 2026-01-02 030405).mp3",
    "memo (Ann's conflicted copy 2026-01-02).mp3",
    "memo_conflict-20260102-030405.mp3",
    "memo (SFConflict ann@example.org 2026-01-02-03-04-05).mp3",
]


@pytest.mark.parametrize("name", CONFLICTS)
def test_copies_from_sync_conflicts_are_skipped_unless_they_are_asked_for(name: str) -> None:
    skipped = Candidates(ROOT).why_not_name(name)
    assert skipped is not None
    assert "sync_conflicts" in skipped
    assert Candidates(Root(Path("/rec"), sync_conflicts="transcribe")).why_not_name(name) is None


@pytest.mark.parametrize(
    ("pattern", "excluded", "kept"),
    [
        ("drafts/**", "drafts/a/b.mp3", "other/drafts/b.mp3"),
        ("drafts/**", "drafts/two\nlines.mp3", "drafts.mp3"),
        ("*.wav", "a/b.wav", "a/b.mp3"),
        ("private/", "a/private/b.mp3", "private.mp3"),
        ("#*", "#1.mp3", "1.mp3"),
        ("a?c.mp3", "abc.mp3", "a/c.mp3"),
    ],
)
def test_exclude_is_read_like_gitignore(pattern: str, excluded: str, kept: str) -> None:
    rules = Candidates(Root(Path("/rec"), exclude=(pattern,)))
    assert rules.why_not_path(excluded) is not None
    assert rules.why_not_path(kept) is None


def test_an_excluded_folder_is_not_entered() -> None:
    assert "exclude" in str(Candidates(Root(Path("/rec"), exclude=("drafts/**",))).why_not_folder("drafts"))


def test_sub_folders_are_left_out_where_the_root_is_not_recursive() -> None:
    flat = Candidates(Root(Path("/rec"), recursive=False))
    assert "recursive" in str(flat.why_not_path("sub/memo.mp3"))
    assert flat.why_not_path("memo.mp3") is None


def test_only_regular_files_with_content_are_recordings(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    reasons = {path.name: why_not_kind(path.lstat()) for path in tmp_path.iterdir()}
    assert reasons.pop("file") is None
    assert "empty" in str(reasons["empty"])
    assert "folder" in str(reasons["folder"])
    assert "symbolic link" in str(reasons["link"])
    assert reasons["pipe"] == reasons["socket"]
    assert "pipe" in str(reasons["pipe"])


def test_the_reason_is_told_for_any_path(tmp_path: Path) -> None:
    root = Root(tmp_path)
    (tmp_path / "memo.mp3").write_bytes(b"x")
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "link.mp3").symlink_to("memo.mp3")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "memo.mp3").write_bytes(b"x")
    (tmp_path / "alias").symlink_to("folder")
    assert why_ignored(root, tmp_path / "memo.mp3") is None
    assert why_ignored(root, tmp_path / "folder" / "memo.mp3") is None
    assert "does not exist" in str(why_ignored(root, tmp_path / "none.mp3"))
    assert "empty" in str(why_ignored(root, tmp_path / "empty.mp3"))
    assert "symbolic link" in str(why_ignored(root, tmp_path / "link.mp3"))
    assert "lies in alias" in str(why_ignored(root, tmp_path / "alias" / "memo.mp3"))
    assert "name does not end" in str(why_ignored(root, tmp_path / "memo.srt"))
    assert "not in this folder" in str(why_ignored(root, tmp_path.parent / "memo.mp3"))
