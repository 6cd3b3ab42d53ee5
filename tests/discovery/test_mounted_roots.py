"""Roots that are mounted and unmounted under the daemon: of none of it there is an event."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.discovery.conftest import Root, World
from watcherd.discovery.sightings import Gone, RootOffline, RootOnline, ScanComplete


def mount(point: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "watcherd-test", point], check=True)


def unmount(point: Path) -> None:
    subprocess.run(["umount", point], check=True, capture_output=True)


@pytest.fixture
def point(folder: Path) -> Iterator[Path]:
    """A folder on which file systems can be mounted; none is yet."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    probe = subprocess.run(
        ["mount", "-t", "tmpfs", "watcherd-test", folder], capture_output=True, text=True, check=False
    )
    if probe.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {probe.stderr.strip()}")
    unmount(folder)
    yield folder
    while os.path.ismount(folder):
        subprocess.run(["umount", "-l", folder], check=True)


def put(path: Path) -> Path:
    path.write_bytes(os.urandom(64))
    return path


def test_an_idle_root_can_be_unmounted_and_nothing_is_gone(world: World, point: Path) -> None:
    mount(point)
    (point / "sub").mkdir()
    memo = put(point / "sub" / "memo.mp3")
    world.scanned(Root(point))
    world.found(memo)
    unmount(point)  # fails where something of it is held open
    offline = world.wait(RootOffline)
    assert "seems unmounted" in offline.why
    mount(point)
    online = world.wait(RootOnline, after=offline)
    later = put(point / "later.mp3")
    world.found(later, after=online)
    assert world.paths(Gone) == []


def test_a_root_that_was_unmounted_while_nobody_watched_is_offline(world: World, point: Path) -> None:
    mount(point)
    memo = put(point / "memo.mp3")
    root = Root(point)
    world.scanned(root)
    world.found(memo)
    world.stop()
    unmount(point)
    world.start(root)
    world.wait(RootOffline)
    assert world.paths(Gone) == []


def test_a_root_that_is_mounted_over_shows_the_new_files_and_keeps_the_old_ones(world: World, point: Path) -> None:
    memo = put(point / "memo.mp3")
    world.scanned(Root(point))
    online = world.wait(RootOnline)
    mount(point)
    above = world.wait(RootOnline, after=online)
    other = put(point / "other.mp3")
    world.found(other, after=above)
    unmount(point)
    below = world.wait(RootOnline, after=above)
    world.wait(ScanComplete, after=below)
    later = put(point / "later.mp3")
    world.found(later, after=below)
    assert sorted(world.paths()) == sorted([memo, other, later])
    assert world.paths(Gone) == []


def test_a_file_system_mounted_again_in_a_moment_is_watched_again(world: World, point: Path) -> None:
    mount(point)
    world.scanned(Root(point))
    unmount(point)
    mount(point)  # even with the same numbers of device, inode and mount
    world.found(put(point / "memo.mp3"))
    world.found(put(point / "later.mp3"))


def test_a_file_system_below_the_root_may_come_and_go(world: World, point: Path) -> None:
    stick = point / "stick"
    stick.mkdir()
    world.scanned(Root(point))
    online = world.wait(RootOnline)
    mount(stick)
    try:
        mounted = world.wait(RootOnline, after=online)
        memo = put(stick / "memo.mp3")
        world.found(memo, after=mounted)
    finally:
        unmount(stick)
    unmounted = world.wait(RootOnline, after=mounted)
    world.wait(ScanComplete, after=unmounted)
    world.found(put(point / "later.mp3"), after=unmounted)
    assert world.paths(Gone) == []


def test_an_empty_mount_point_that_nobody_knows_anything_of_is_a_root(world: World, point: Path) -> None:
    world.scanned(Root(point))
    world.found(put(point / "memo.mp3"))
