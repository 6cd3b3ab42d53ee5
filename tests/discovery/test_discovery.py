"""What becomes of files, with real inotify, real leases and a real ledger."""

import hashlib
import logging
import os
import signal
import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Speaker
from tests.discovery.conftest import QUICK, Root, World
from watcherd.discovery import hashing, settling, tracking
from watcherd.discovery.discovery import Discovery
from watcherd.discovery.identity import stat_key
from watcherd.discovery.leases import Writer
from watcherd.discovery.sightings import (
    CutOff,
    FolderUnreadable,
    Found,
    Gone,
    RootOffline,
    RootOnline,
    ScanComplete,
    Unreadable,
)
from watcherd.ledger.reader import Reader

UNPRIVILEGED = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def put(path: Path, content: bytes | None = None) -> Path:
    """A file with a content of its own; discovery does not mind that it is no music."""
    path.write_bytes(os.urandom(64) if content is None else content)
    return path


def order_of(world: World, *expected: tuple[type[Found | Gone], Path]) -> list[int]:
    return [
        next(i for i, told in enumerate(world.told) if isinstance(told, kind) and told.path == path)
        for kind, path in expected
    ]


# --- what is there, and what comes ------------------------------------------------------------------------------------


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


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_tree_moved_in_is_found_whole(world: World, folder: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    for name in ("one.mp3", "a/two.mp3", "a/b/three.mp3"):
        put(tree / name)
    world.scanned(Root(folder))
    tree.rename(folder / "tree")
    for name in ("one.mp3", "a/two.mp3", "a/b/three.mp3"):
        world.found(folder / "tree" / name)
    world.found(put(folder / "tree" / "a" / "b" / "later.mp3"))


def test_a_tree_moved_out_is_gone_whole(world: World, folder: Path, tmp_path: Path) -> None:
    (folder / "tree" / "a").mkdir(parents=True)
    files = [put(folder / "tree" / "one.mp3"), put(folder / "tree" / "a" / "two.mp3")]
    stays = put(folder / "stays.mp3")
    root = Root(folder)
    world.scanned(root)
    (folder / "tree").rename(tmp_path / "tree")
    for path in files:
        world.gone(path)
    put(tmp_path / "tree" / "a" / "outside.mp3")  # watchdog still sees it, under the old name
    world.rescan(root)
    assert sorted(world.paths()) == sorted([*files, stays])
    assert sorted(world.paths(Gone)) == sorted(files)


def test_new_folders_are_seen_however_fast_they_fill(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "packet_hash", lambda *_: bytes(32))  # 200 times ffmpeg would take half a minute
    world.scanned(Root(folder))
    deep = folder / "a" / "b" / "c"
    deep.mkdir(parents=True)
    expected = {put(deep / f"{number:03}.mp3") for number in range(200)}
    world.until(lambda: expected <= set(world.paths()))


def test_a_renamed_folder_is_told_by_its_new_names_first(world: World, folder: Path) -> None:
    (folder / "old" / "deep").mkdir(parents=True)
    put(folder / "old" / "deep" / "memo.mp3")
    world.scanned(Root(folder))
    (folder / "old").rename(folder / "new")
    new, old = folder / "new" / "deep" / "memo.mp3", folder / "old" / "deep" / "memo.mp3"
    world.gone(old)
    found_at, gone_at = order_of(world, (Found, new), (Gone, old))
    assert found_at < gone_at


def test_sub_folders_are_none_of_our_business_where_they_are_not_asked_for(world: World, folder: Path) -> None:
    (folder / "sub").mkdir()
    put(folder / "sub" / "memo.mp3")
    root = Root(folder, recursive=False)
    world.scanned(root)
    put(folder / "sub" / "later.mp3")
    (folder / "new").mkdir()
    put(folder / "new" / "memo.mp3")
    world.found(put(folder / "memo.mp3"))
    world.rescan(root)
    assert world.paths() == [folder / "memo.mp3"]


def test_hidden_and_excluded_folders_are_passed_over(world: World, folder: Path) -> None:
    root = Root(folder, exclude=("drafts/**",))
    world.scanned(root)
    for name in (".stversions", "drafts", "drafts/deep", "@eaDir"):
        (folder / name).mkdir()
        put(folder / name / "memo.mp3")
    world.found(put(folder / "memo.mp3"))
    world.rescan(root)
    assert world.paths() == [folder / "memo.mp3"]


@UNPRIVILEGED
def test_a_closed_folder_is_told_once_and_its_files_are_not_gone(world: World, folder: Path) -> None:
    (folder / "sub").mkdir()
    memo = put(folder / "sub" / "memo.mp3")
    root = Root(folder)
    world.scanned(root)
    (folder / "sub").chmod(0)
    try:
        world.wait(FolderUnreadable, lambda told: told.path == folder / "sub")
        world.rescan(root)
        world.rescan(root)
    finally:
        (folder / "sub").chmod(0o755)
    assert len([told for told in world.told if isinstance(told, FolderUnreadable)]) == 1
    assert world.paths(Gone) == []
    world.found(put(memo), after=world.told[-1])


# --- what goes --------------------------------------------------------------------------------------------------------


def test_a_deleted_file_is_gone(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    world.scanned(Root(folder))
    memo.unlink()
    world.gone(memo)


def test_what_went_while_nobody_watched_is_gone(world: World, folder: Path) -> None:
    memo, other = put(folder / "memo.mp3"), put(folder / "other.mp3")
    root = Root(folder)
    world.scanned(root)
    world.stop()
    memo.unlink()
    world.start(root)
    world.gone(memo)
    world.rescan(root)
    assert world.paths(Gone) == [memo]
    assert sorted(world.paths()) == [memo, other]


def test_a_renamed_file_is_told_by_its_new_name_first(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    world.scanned(Root(folder))
    memo.rename(folder / "renamed.mp3")
    world.gone(memo)
    found_at, gone_at = order_of(world, (Found, folder / "renamed.mp3"), (Gone, memo))
    assert found_at < gone_at


def test_a_file_moved_to_another_root_is_told_there_first(world: World, tmp_path: Path) -> None:
    one, two = Root(tmp_path / "one"), Root(tmp_path / "two")
    one.path.mkdir()
    two.path.mkdir()
    memo = put(one.path / "memo.mp3")
    world.scanned(one, two)
    memo.rename(two.path / "memo.mp3")
    assert world.found(two.path / "memo.mp3").root == two.path
    assert world.gone(memo).root == one.path
    found_at, gone_at = order_of(world, (Found, two.path / "memo.mp3"), (Gone, memo))
    assert found_at < gone_at


def test_a_file_that_is_replaced_is_not_gone(world: World, folder: Path, tmp_path: Path) -> None:
    memo = put(folder / "memo.mp3")
    root = Root(folder)
    world.scanned(root)
    first = world.found(memo)
    put(tmp_path / "new.mp3").rename(memo)
    assert world.found(memo, after=first).sha256 != first.sha256
    world.rescan(root)
    assert world.paths(Gone) == []


def test_a_file_that_becomes_a_link_is_gone(world: World, folder: Path, tmp_path: Path) -> None:
    memo = put(folder / "memo.mp3")
    world.scanned(Root(folder))
    (tmp_path / "link").symlink_to(memo.rename(tmp_path / "archived.mp3"))
    (tmp_path / "link").rename(memo)
    world.gone(memo)


def test_a_file_that_goes_before_it_is_complete_is_forgotten(world: World, folder: Path) -> None:
    root = Root(folder)
    world.scanned(root)
    with (folder / "memo.mp3").open("wb", buffering=0) as recorder:
        recorder.write(b"sound")
        assert world.rescan(root).still_writing == (folder / "memo.mp3",)
        (folder / "memo.mp3").unlink()
    assert world.rescan(root).still_writing == ()
    assert world.paths() == []


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


# --- roots ------------------------------------------------------------------------------------------------------------


def test_a_root_that_is_missing_is_offline_until_it_appears(world: World, folder: Path) -> None:
    folder.rmdir()
    world.start(Root(folder))
    assert "does not exist" in world.wait(RootOffline).why
    folder.mkdir()
    memo = put(folder / "memo.mp3")
    world.wait(RootOnline)
    world.found(memo)
    world.found(put(folder / "later.mp3"))
    assert len([told for told in world.told if isinstance(told, RootOffline)]) == 1


def test_a_root_that_was_deleted_and_made_again_is_watched_again(world: World, folder: Path) -> None:
    memo = put(folder / "memo.mp3")
    world.scanned(Root(folder))
    folder.rename(folder.with_name("elsewhere"))
    offline = world.wait(RootOffline)
    folder.mkdir()
    online = world.wait(RootOnline, after=offline)
    world.found(put(folder / "later.mp3"), after=online)
    # Its files went with it; they are told so only now that there is a root again.
    gone = world.gone(memo)
    assert world.told.index(gone) > world.told.index(online)


def test_a_root_that_is_replaced_between_two_looks_is_watched_again(world: World, folder: Path, tmp_path: Path) -> None:
    world.scanned(Root(folder))
    (tmp_path / "other").mkdir()
    new = put(tmp_path / "other" / "memo.mp3")
    folder.rename(tmp_path / "old")
    (tmp_path / "other").rename(folder)
    world.found(folder / new.name)
    world.found(put(folder / "later.mp3"))


def test_nothing_is_gone_while_its_root_is_away(world: World, folder: Path) -> None:
    put(folder / "memo.mp3")
    root = Root(folder)
    world.scanned(root)
    folder.rename(folder.with_name("elsewhere"))
    offline = world.wait(RootOffline)
    folder.with_name("elsewhere").rename(folder)
    world.wait(ScanComplete, after=offline)
    assert world.paths(Gone) == []


def test_a_root_may_be_a_link(world: World, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    (folder / "sub").mkdir()
    world.scanned(Root(link))
    put(folder / "memo.mp3")
    world.found(link / "memo.mp3")
    put(folder / "sub" / "deep.mp3")
    world.found(link / "sub" / "deep.mp3")


def test_one_root_that_is_missing_does_not_disturb_another(world: World, folder: Path, tmp_path: Path) -> None:
    here = Root(folder)
    world.start(Root(tmp_path / "missing"), here)
    world.wait(RootOffline, lambda told: told.root == tmp_path / "missing")
    world.found(put(folder / "memo.mp3"))


# --- when events fail -------------------------------------------------------------------------------------------------


def test_polling_finds_what_comes_and_what_goes(world: World, folder: Path) -> None:
    world.scanned(Root(folder, mode="poll"))
    assert world.wait(RootOnline).mode == "poll"
    memo = put(folder / "memo.mp3")
    world.found(memo)
    memo.unlink()
    world.gone(memo)


def test_an_overflow_in_watchdogs_log_leads_to_a_scan(world: World, folder: Path) -> None:
    root = Root(folder)
    world.scanned(root)
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    world.until(lambda: len([told for told in world.told if isinstance(told, ScanComplete)]) == 2)
    world.found(put(folder / "memo.mp3"))


def test_what_arrives_while_the_kernels_queue_is_full_is_found(
    world: World, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queued = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queued > 50_000:
        pytest.skip("the kernel's queue holds more events than a test should cause")
    (folder / "sub").mkdir()
    discovery = world.scanned(Root(folder))
    with _observer_of(discovery)._inotify_fd._lock:  # watchdog's reader stands still
        for number in range(max(20_000, queued // 2 + 100)):  # each is created and closed
            (folder / "sub" / f"{number}.txt").touch()
        late = [put(folder / "late.mp3"), put(folder / "sub" / "late.mp3")]
    for path in late:
        world.found(path)
    assert "overflowed" in caplog.text
    world.found(put(folder / "sub" / "later.mp3"))


@pytest.mark.parametrize("victim", ["emitter", "observer", "reader"])
def test_a_dead_thread_of_watchdog_is_replaced(world: World, folder: Path, victim: str) -> None:
    discovery = world.scanned(Root(folder))
    observer = _observer_of(discovery)
    thread = {"emitter": next(iter(observer.emitters)), "observer": observer, "reader": observer._inotify_fd}[victim]
    thread.stop()
    thread.join()
    complete = [told for told in world.told if isinstance(told, ScanComplete)]
    world.until(lambda: len([told for told in world.told if isinstance(told, ScanComplete)]) > len(complete))
    world.found(put(folder / "memo.mp3"))


def test_a_ledger_that_fails_for_a_moment_does_not_leave_a_root_unwatched(
    world: World, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[int] = []

    def open_known() -> AbstractContextManager[Reader]:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("the disk of the ledger hiccups")
        return Reader.open(world._database)

    discovery = Discovery([Root(folder)], open_known, world._inbox.put, QUICK)
    world._running.append(discovery)
    discovery.start()
    assert "hiccups" in world.wait(RootOffline).why
    world.wait(RootOnline)
    world.found(put(folder / "memo.mp3"))
    assert "begins anew" in caplog.text


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


def _observer_of(discovery: Discovery) -> Any:
    tracker = discovery._watchers[0]._tracker
    assert tracker is not None
    source = tracker._keeper._source
    assert source is not None
    return source._observer
