"""Watched folders that come and go, and events that fail."""

import logging
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.discovery.conftest import QUICK, Root, World
from tests.discovery.files import observer_of, put
from watcherd.discovery.discovery import Discovery
from watcherd.discovery.sightings import Gone, RootOffline, RootOnline, ScanComplete
from watcherd.ledger.reader import Reader

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
    with observer_of(discovery)._inotify_fd._lock:  # watchdog's reader stands still
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
    observer = observer_of(discovery)
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
