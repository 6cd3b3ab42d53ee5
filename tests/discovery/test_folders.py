"""Folders in a watched folder, and files that go."""

from pathlib import Path

import pytest

from tests.discovery.conftest import Root, World
from tests.discovery.files import UNPRIVILEGED, order_of, put
from watcherd.discovery import hashing
from watcherd.discovery.sightings import FolderUnreadable, Found, Gone


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
