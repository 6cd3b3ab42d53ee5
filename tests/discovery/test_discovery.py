"""What becomes of files, with real inotify, real leases and a real ledger."""

import hashlib
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Speaker
from tests.discovery.conftest import QUICK, Root, World
from tests.discovery.files import UNPRIVILEGED, put
from watcherd.discovery import settling, tracking
from watcherd.discovery.identity import stat_key
from watcherd.discovery.leases import Writer
from watcherd.discovery.sightings import CutOff, Found, Gone, RootOnline, ScanComplete, Unreadable


def test_what_was_there_before_is_found_with_its_identity(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3", b"good morning")
    put(folder / "notes.txt")
    root = Root(folder)
    world.scanned(root)
    found = world.found(memo)
    assert found == Found(folder, memo, stat_key(memo), hashlib.sha256(b"good morning").digest())
    online, complete = world.wait(RootOnline), world.wait(ScanComplete)
    assert (online.root, online.mode) == (folder, "events")
    assert complete == ScanComplete(folder, recordings=1, still_writing=())
    assert world.told.index(online) < world.told.index(found) < world.told.index(complete)


def test_audio_is_found_with_the_hash_of_its_packets(world: World, folder: Path, speak: Speaker) -> None:
    spoken = speak("good morning").read_bytes()
    world.scanned(Root(folder))
    packets = world.found(put(folder / "memo.wav", spoken)).packet_sha256
    assert packets is not None
    again = world.found(put(folder / "tagged.wav", spoken + b"LIST\x04\0\0\0INFO"))
    assert again.packet_sha256 == packets


def test_what_the_ledger_knows_is_not_told_again(world: World, folder: Path) -> None:
    put(folder / "memo.mp3")
    root = Root(folder)
    world.scanned(root)
    world.rescan(root)
    world.stop()
    first = len(world.told)
    world.start(root)
    world.until(lambda: any(isinstance(told, ScanComplete) for told in world.told[first:]))
    assert world.paths() == [folder / "memo.mp3"]


def test_a_file_moved_in_is_found(world: World, folder: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "memo.mp3")
    world.scanned(Root(folder, settle_s=1000))  # a move needs no settling
    world.found(outside.rename(folder / "memo.mp3"))


def test_a_copy_that_was_closed_is_found_at_once(world: World, folder: Path) -> None:
    world.scanned(Root(folder, settle_s=1000))
    world.found(put(folder / "memo.mp3"))


def test_a_hard_link_is_found(world: World, folder: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "memo.mp3")
    world.scanned(Root(folder))
    (folder / "memo.mp3").hardlink_to(outside)
    world.found(folder / "memo.mp3")


def test_a_temporary_name_that_becomes_a_real_one_is_found_under_that_alone(world: World, folder: Path) -> None:
    root = Root(folder)
    world.scanned(root)
    put(folder / ".syncthing.memo.mp3.tmp").rename(folder / "memo.mp3")
    world.found(folder / "memo.mp3")
    world.rescan(root)
    assert world.paths() == [folder / "memo.mp3"]


def test_a_file_that_is_being_written_waits_for_its_end(world: World, folder: Path) -> None:
    memo = folder / "memo.wav"
    root = Root(folder)
    world.scanned(root)
    with memo.open("wb", buffering=0) as recorder:
        for _ in range(3):
            recorder.write(b"sound")
            complete = world.rescan(root)  # a recorder that pauses for the length of a whole scan
            assert complete.still_writing == (memo,)
        assert world.paths() == []
    assert world.found(memo).sha256 == hashlib.sha256(b"sound" * 3).digest()
    assert world.paths() == [memo]


def test_a_file_that_grows_in_steps_is_found_with_its_last_content(world: World, folder: Path) -> None:
    memo = folder / "memo.wav"
    world.scanned(Root(folder))
    last = world.told[-1]
    for step in range(1, 4):
        with memo.open("ab") as recorder:
            recorder.write(b"more")
        digest = hashlib.sha256(b"more" * step).digest()
        while world.found(memo, after=last).sha256 != digest:
            last = world.told[-1]


def test_half_a_copy_of_which_nobody_knows_the_writer_waits_for_its_end(
    world: World, folder: Path, speak: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "writer_of", lambda _: Writer.UNKNOWN)
    monkeypatch.setattr(settling, "UNKNOWN_AT_LEAST_S", 0.1)
    spoken = speak("good morning").read_bytes()
    world.scanned(Root(folder, settle_s=0.02))
    memo = put(folder / "memo.wav", spoken[:-1000])
    assert world.wait(CutOff).path == memo
    put(memo, spoken)
    assert world.found(memo).sha256 == hashlib.sha256(spoken).digest()
    assert world.paths().count(memo) == 1


def test_what_nobody_completes_is_found_as_it_is(
    world: World, folder: Path, speak: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "writer_of", lambda _: Writer.UNKNOWN)
    monkeypatch.setattr(settling, "UNKNOWN_AT_LEAST_S", 0.1)
    monkeypatch.setattr(settling, "CUT_OFF_WAITS_S", (0.1, 0.2))
    world.scanned(Root(folder, settle_s=0.02))
    memo = put(folder / "memo.wav", speak("good morning").read_bytes()[:-1000])
    told = world.wait(CutOff)
    world.found(memo, after=told)
    assert sum(isinstance(sighting, CutOff) for sighting in world.told) == 1


def test_an_empty_file_is_found_when_something_is_written_to_it(world: World, folder: Path) -> None:
    memo = folder / "memo.mp3"
    memo.touch()
    root = Root(folder)
    world.scanned(root)
    assert world.paths() == []
    world.found(put(memo))


def test_a_touched_file_is_told_again_with_the_same_content(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    world.scanned(Root(folder))
    first = world.found(memo)
    os.utime(memo, (1, 1))
    second = world.found(memo, after=first)
    memo.chmod(0o600)
    third = world.found(memo, after=second)
    assert first.sha256 == second.sha256 == third.sha256
    assert len({first.stat_key, second.stat_key, third.stat_key}) == 3


def test_our_own_reading_and_the_sidecars_cause_nothing(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    root = Root(folder)
    world.scanned(root)
    memo.read_bytes()
    put(folder / "memo.srt")
    put(folder / ".syncthing.watcherd-0123456789abcdef.~.tmp").rename(folder / "memo.txt")
    world.rescan(root)
    assert world.paths() == [memo]
    assert world.paths(Gone) == []


def test_names_of_any_bytes_are_found(world: World, folder: Path) -> None:
    world.scanned(Root(folder))
    names = [
        "two\nlines.mp3",
        os.fsdecode(b"\xff\xfe.mp3"),
        " .mp3",
        "-rf.mp3",
        "ü.mp3",
        "u\u0308.mp3",
        "x" * 251 + ".mp3",
    ]
    for name in names:
        world.found(put(folder / name))


# --- what is no file, or cannot be read -------------------------------------------------------------------------------


def test_pipes_and_links_are_neither_opened_nor_followed(world: World, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    put(outside / "secret.mp3")
    memo = put(folder / "memo.mp3")
    root = Root(folder)
    world.scanned(root)
    os.mkfifo(folder / "pipe.mp3")
    (folder / "link.mp3").symlink_to(outside / "secret.mp3")
    (folder / "inside.mp3").symlink_to(memo)
    (folder / "folder").symlink_to(outside)
    put(outside / "later.mp3")
    world.found(put(folder / "last.mp3"))
    world.rescan(root)
    assert sorted(world.paths()) == [folder / "last.mp3", memo]


def test_a_path_through_a_link_is_not_looked_at(world: World, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    put(tmp_path / "outside" / "secret.mp3")
    (folder / "folder").symlink_to(tmp_path / "outside")
    root = Root(folder)
    discovery = world.scanned(root)
    discovery.look(folder / "folder" / "secret.mp3")
    world.rescan(root)
    assert world.paths() == []


@UNPRIVILEGED
def test_an_unreadable_file_is_told_once_and_found_when_that_changes(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    memo.chmod(0)
    root = Root(folder)
    discovery = world.scanned(root)
    world.rescan(root)
    assert world.paths(Unreadable) == [memo]
    discovery.look(memo)  # somebody asks
    world.until(lambda: world.paths(Unreadable) == [memo, memo])
    memo.chmod(0o600)
    world.found(memo)


def test_a_path_that_somebody_asks_for_is_told_again_unless_the_ledger_knows_it(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    discovery = world.scanned(Root(folder))
    first = world.found(memo)
    world.ledger.paths.forget([memo])
    discovery.look(memo)
    world.found(memo, after=first)
    discovery.look(memo)
    world.found(put(folder / "last.mp3"))
    assert world.paths() == [memo, memo, folder / "last.mp3"]


# --- starting and stopping --------------------------------------------------------------------------------------------


def test_it_does_not_start_where_a_lease_could_kill_the_process(world: World, folder: Path) -> None:
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    with pytest.raises(RuntimeError, match="ignore_sigio"):
        world.start(Root(folder))


def test_stopping_does_not_wait_for_a_huge_file(world: World, folder: Path) -> None:
    with (folder / "huge.wav").open("wb") as file:
        file.truncate(1 << 40)
    world.start(Root(folder), pace=replace(QUICK, stop_s=5.0))
    world.found(put(folder / "memo.mp3"))  # although the huge one is being hashed
    world.stop()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if folder.name in name or "Thread-" in name]
    assert world.paths() == [folder / "memo.mp3"]
