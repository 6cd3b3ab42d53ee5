import json
import os
import textwrap
from pathlib import Path

import pytest

from tests.config.writing import ROOT, complaint, settings, write
from watcherd.config import load


def test_a_missing_folder_is_told_with_the_command_that_makes_it(home: Path) -> None:
    line = complaint(home, '[[watch]]\npath = "my recordings"')
    assert line == (
        f"2: watch[1].path: {home}/my recordings does not exist. Create it: mkdir -p '{home}/my recordings'"
    )


def test_a_file_is_not_a_folder(home: Path) -> None:
    assert "config.toml is not a folder" in complaint(home, '[[watch]]\npath = "config.toml"')


def test_a_dangling_link_says_where_it_leads(home: Path) -> None:
    (home / "link").symlink_to("/nowhere/at-all")
    line = complaint(home, '[[watch]]\npath = "link"')
    assert "link is a symbolic link to /nowhere/at-all, which does not exist" in line


def test_links_that_lead_in_a_circle(home: Path) -> None:
    (home / "link").symlink_to("link")
    assert f"{home}/link" in complaint(home, '[[watch]]\npath = "link"')


@pytest.mark.usefixtures("permissions_hold")
@pytest.mark.parametrize("mode", [0, 0o400, 0o100])
def test_a_folder_that_cannot_be_read(home: Path, mode: int) -> None:
    (home / "in").chmod(mode)
    try:
        assert "in cannot be read by this user" in complaint(home, ROOT)
    finally:
        (home / "in").chmod(0o700)


@pytest.mark.usefixtures("permissions_hold")
def test_a_folder_below_one_that_cannot_be_entered(home: Path) -> None:
    (home / "in" / "below").mkdir()
    (home / "in").chmod(0)
    try:
        assert "below cannot be read by this user" in complaint(home, '[[watch]]\npath = "in/below"')
    finally:
        (home / "in").chmod(0o700)


def test_sidecars_need_a_folder_that_is_there(home: Path) -> None:
    line = complaint(home, f"{ROOT}    output_dir = 'gone'")
    assert f"watch[1].output_dir: {home}/gone does not exist. Create it: mkdir -p {home}/gone" in line


def test_sidecars_go_beside_their_recordings_without_a_word(home: Path) -> None:
    line = complaint(home, f"{ROOT}    output_dir = './in/'")
    assert f": {home}/in is the watched folder itself, where sidecars go anyway. Leave the key out" in line


def test_sidecars_do_not_go_where_another_folder_is_watched(home: Path) -> None:
    (home / "other").mkdir()
    line = complaint(home, '[[watch]]\npath = "in"\noutput_dir = "other"\n[[watch]]\npath = "other"\n')
    assert f": {home}/other is watched itself, as watch[2].path. Name a folder for sidecars alone" in line


@pytest.mark.parametrize("place", ["in/notes", "other/notes", "."])
def test_sidecars_may_go_into_any_other_folder(home: Path, place: str) -> None:
    (home / "other").mkdir()
    (home / place).mkdir(exist_ok=True)
    loaded = settings(home, f'[[watch]]\npath = "in"\noutput_dir = "{place}"\n[[watch]]\npath = "other"\n')
    assert loaded.watch[0].output_dir == home / place


def two_roots(home: Path, first: str, second: str) -> str:
    return complaint(home, f"[[watch]]\npath = {json.dumps(first)}\n[[watch]]\npath = {json.dumps(second)}")


def test_the_same_folder_twice(home: Path) -> None:
    assert f"4: watch[2].path: {home}/in is the same folder as watch[1].path" in two_roots(home, "in", "./in/")


def test_the_same_folder_through_a_link(home: Path) -> None:
    (home / "link").symlink_to("in")
    assert f"{home}/link is the same folder as watch[1].path" in two_roots(home, "in", "link")


def test_a_folder_inside_another(home: Path) -> None:
    (home / "in" / "deep" / "below").mkdir(parents=True)
    assert f"below lies inside watch[1].path, {home}/in" in two_roots(home, "in", "in/deep/below")
    assert f"in holds watch[1].path, {home}/in/deep/below" in two_roots(home, "in/deep/below", "in")


def test_a_folder_inside_another_through_a_link(home: Path) -> None:
    (home / "in" / "below").mkdir()
    (home / "link").symlink_to("in/below")
    assert f"link lies inside watch[1].path, {home}/in" in two_roots(home, "in", "link")


def test_neighbours_with_similar_names_are_two_folders(home: Path) -> None:
    (home / "in-2").mkdir()
    assert len(settings(home, "[[watch]]\npath = 'in'\n[[watch]]\npath = 'in-2'").watch) == 2


def test_a_root_keeps_the_name_that_it_was_given(home: Path) -> None:
    (home / "link").symlink_to("in")
    assert settings(home, "[[watch]]\npath = 'link'").watch[0].path == home / "link"


def test_a_tilde_is_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert settings(home, "[[watch]]\npath = '~/in'").watch[0].path == home / "in"


def test_a_dollar_is_part_of_a_name(home: Path) -> None:
    (home / "$HOME").mkdir()
    assert settings(home, "[[watch]]\npath = '$HOME'").watch[0].path == home / "$HOME"


def test_paths_are_relative_to_the_file_wherever_the_daemon_is_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, f"{ROOT}\n[model]\nid = './whisper'\n[ledger]\npath = 'l.sqlite3'")
    monkeypatch.chdir(home / "in")
    loaded = load(Path("../config.toml"))
    assert loaded.watch[0].path == home / "in"
    assert loaded.model.id == str(home / "whisper")
    assert loaded.ledger.path == home / "l.sqlite3"


# The ledger's place


def test_the_ledger_lies_in_the_state_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = Path(os.environ["XDG_STATE_HOME"])
    assert settings(home, ROOT).ledger.path == state / "watcherd" / "ledger.sqlite3"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/watcherd:/var/lib/other")
    assert settings(home, ROOT).ledger.path == Path("/var/lib/watcherd/ledger.sqlite3")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/somebody")
    expected = Path("/home/somebody/.local/state/watcherd/ledger.sqlite3")
    assert settings(home, f"{ROOT}\n[ledger]\npath = ''").ledger.path == expected


@pytest.mark.parametrize("place", ["in/ledger.sqlite3", "in/not/yet/there/ledger.sqlite3", "link/ledger.sqlite3"])
def test_a_ledger_in_a_watched_folder_is_refused(home: Path, place: str) -> None:
    (home / "link").symlink_to("in")
    line = complaint(home, f"{textwrap.dedent(ROOT)}\n[ledger]\npath = '{place}'")
    assert line.startswith(f"6: ledger.path: {home}/{place} lies inside a watched folder")


def test_a_watched_folder_around_the_default_ledger_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "in" / "state"))
    assert " ledger.path: " in complaint(home, ROOT)


def test_a_folder_in_the_place_of_the_ledger(home: Path) -> None:
    assert "is a folder. Write the path of a file" in complaint(home, f"{ROOT}\n[ledger]\npath = '.'")


@pytest.mark.usefixtures("permissions_hold")
def test_a_ledger_out_of_reach_is_left_to_whoever_opens_it(home: Path) -> None:
    (home / "private").mkdir(mode=0)
    expected = home / "private" / "ledger.sqlite3"
    assert settings(home, f"{ROOT}\n[ledger]\npath = 'private/ledger.sqlite3'").ledger.path == expected
