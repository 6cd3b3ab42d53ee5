import os
from pathlib import Path

import pytest

from tests.config.writing import ROOT, settings
from watcherd.config import ModelSettings, Settings, WatchRoot, find_config
from watcherd.errors import EXIT_CONFIG, ConfigError


@pytest.fixture
def no_system_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "config.toml"
    monkeypatch.setattr("watcherd.config.files.SYSTEM_CONFIG", path)
    return path


def test_the_order_in_which_a_configuration_is_looked_for(tmp_path: Path, no_system_config: Path) -> None:
    environ = {"WATCHERD_CONFIG": "/by/variable.toml", "XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    user = tmp_path / "xdg" / "watcherd" / "config.toml"
    below_home = tmp_path / ".config" / "watcherd" / "config.toml"
    for path in (user, below_home, no_system_config):
        path.parent.mkdir(parents=True)
        path.touch()

    assert find_config(Path("given.toml"), environ) == Path("given.toml")
    assert find_config(None, environ) == Path("/by/variable.toml")
    del environ["WATCHERD_CONFIG"]
    assert find_config(None, environ) == user
    del environ["XDG_CONFIG_HOME"]
    assert find_config(None, environ) == below_home
    below_home.unlink()
    assert find_config(None, environ) == no_system_config


def test_no_configuration_anywhere_names_the_places(tmp_path: Path, no_system_config: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_config(None, {"HOME": str(tmp_path)})
    message = str(caught.value)
    user = tmp_path / ".config" / "watcherd" / "config.toml"
    assert f"looked at: -c FILE, $WATCHERD_CONFIG, {user}, {no_system_config}" in message
    assert f"Copy config.example.toml to {user}" in message
    assert caught.value.exit_code == EXIT_CONFIG


# Without a file, and over one


def test_a_folder_alone_is_a_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    made = Settings.for_folder(Path("in"), "packaged:base", Path("ledger.sqlite3"))
    assert made == settings(home, f"{ROOT}\n[model]\nid = 'packaged:base'\n[ledger]\npath = 'ledger.sqlite3'")
    assert Settings.for_folder(home / "in") == settings(home, ROOT)


def test_a_folder_whose_name_is_not_utf8_can_be_watched(home: Path) -> None:
    folder = home / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    assert Settings.for_folder(folder).watch[0].path == folder


def test_a_folder_that_is_not_there_is_told_without_a_file(home: Path) -> None:
    folder = home / os.fsdecode(b"caf\xe9")
    with pytest.raises(ConfigError) as caught:
        Settings.for_folder(folder)
    assert str(caught.value) == f"{home}/caf\\xe9 does not exist. Create it: mkdir -p '{home}/caf\\xe9'"


def test_another_model_on_the_command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings(home, f"{ROOT}\n[model]\nlanguage = 'de'\nidle_unload = 'never'\nbatch_size = 2")
    monkeypatch.chdir(home)
    changed = loaded.with_model("./whisper")
    assert changed.model == ModelSettings(id=str(home / "whisper"), language="de", idle_unload=None, batch_size=2)
    assert changed.watch == loaded.watch
    with pytest.raises(ConfigError, match='"" is not a model'):
        loaded.with_model("")


def test_another_folder_on_the_command_line(home: Path) -> None:
    (home / "other").mkdir()
    loaded = settings(home, f"{ROOT}    settle = '1s'\n[model]\nid = 'packaged:base'\n[ledger]\npath = 'l.sqlite3'")
    changed = loaded.with_watch(home / "other")
    assert changed.watch == (WatchRoot(path=home / "other"),)
    assert (changed.model, changed.ledger) == (loaded.model, loaded.ledger)
    assert loaded.with_watch(home / "in").watch[0].settle_s == 1.0
    with pytest.raises(ConfigError, match="does not exist"):
        loaded.with_watch(home / "gone")
    with pytest.raises(ConfigError, match="lies inside a watched folder"):
        loaded.with_watch(home)
