import os
from pathlib import Path

import pytest

from watcherd.config import Settings
from watcherd.errors import WatcherdError
from watcherd.installation import (
    Installation,
    install,
    installed_paths,
    system_installation,
    uninstall,
    user_installation,
    user_units,
    writable_folders,
)
from watcherd.service.units import MARK

PROGRAM = ["/opt/watcherd/bin/watcherd"]


@pytest.fixture
def of_user() -> Installation:
    """Into the directories that each test has for itself; no service manager runs there."""
    return user_installation(PROGRAM, Path("/etc/x.toml"), os.environ)


def test_all_that_is_installed_is_known_to_the_uninstallation(tmp_path: Path, of_user: Installation) -> None:
    of_system = system_installation(PROGRAM, Path("/etc/x.toml"), Settings.for_folder(tmp_path))
    for installation in (of_system, of_user):
        known = installed_paths(of_user=installation.of_user, environ=os.environ)
        assert tuple(file.path for file in installation.files) == known


def test_the_service_may_write_to_the_folders_and_to_a_ledger_elsewhere(tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    assert writable_folders(Settings.for_folder(watched)) == (watched,)
    (tmp_path / "notes").mkdir()
    document = {"watch": [{"path": str(watched), "output_dir": str(tmp_path / "notes")}]}
    assert writable_folders(Settings.from_document(document, tmp_path)) == (watched, tmp_path / "notes")
    elsewhere = Settings.for_folder(watched, ledger=tmp_path / "ledger" / "ledger.sqlite3")
    assert writable_folders(elsewhere) == (watched, tmp_path / "ledger")


def test_a_user_installs_repeats_and_takes_back(of_user: Installation) -> None:
    (unit,) = of_user.files
    later = "systemd does not run here, and reads its units when it does"
    assert list(install(of_user)) == [f"wrote {unit.path}", later]
    assert unit.path.read_text("utf-8") == unit.text
    assert unit.path.stat().st_mode & 0o777 == 0o644
    assert list(install(of_user)) == [f"{unit.path} is as it should be", later]
    unit.path.write_text(f"{MARK}\nof an older version\n", "utf-8")
    assert list(install(of_user)) == [f"brought {unit.path} up to date", later]
    assert list(unit.path.parent.iterdir()) == [unit.path]
    assert list(uninstall(of_user=True, environ=os.environ)) == [f"removed {unit.path}", later]
    assert list(uninstall(of_user=True, environ=os.environ)) == ["nothing is installed"]


def test_a_unit_of_somebody_else_is_neither_replaced_nor_removed(of_user: Installation) -> None:
    (unit,) = of_user.files
    unit.path.parent.mkdir(parents=True)
    unit.path.write_text("[Service]\n", "utf-8")
    for attempt in (install(of_user), uninstall(of_user=True, environ=os.environ)):
        with pytest.raises(WatcherdError, match="Move it away"):
            list(attempt)
    assert unit.path.read_text("utf-8") == "[Service]\n"


def test_what_cannot_be_written_is_told_with_its_path(of_user: Installation) -> None:
    (unit,) = of_user.files
    unit.path.parents[1].mkdir(parents=True, exist_ok=True)
    unit.path.parent.write_text("a file where the folder should be")
    with pytest.raises(WatcherdError, match="cannot be read") as caught:
        list(install(of_user))
    assert caught.value.path == unit.path


def test_a_relative_configuration_home_is_ignored_as_the_standard_says() -> None:
    home = Path("~").expanduser()
    assert user_units({"XDG_CONFIG_HOME": "relative"}) == home / ".config" / "systemd" / "user"
