from pathlib import Path

import pytest

from tests.systemd.conftest import WATCHERD, Box, install_watcherd

UNIT = "/etc/systemd/system/watcherd.service"
DROP_IN = f"{UNIT}.d/50-watched-folders.conf"
CONFIG = "/etc/watcherd/config.toml"
FILES = (
    UNIT,
    DROP_IN,
    "/etc/sysusers.d/watcherd.conf",
    "/etc/tmpfiles.d/watcherd.conf",
    "/usr/local/lib/systemd/catalog/watcherd.catalog",
)
FOLDER = '/srv/Bob\'s 100% \\ "own" folder'
"""All that is special in a unit."""


@pytest.fixture
def configured(box: Box) -> Box:
    box.said("mkdir", "-p", FOLDER, "/srv/sync")
    box.write(CONFIG, f"[[watch]]\npath = '''{FOLDER}'''\n[[watch]]\npath = '/srv/sync'\n")
    return box


def there(box: Box) -> list[str]:
    return [file for file in FILES if box.run("test", "-e", file).returncode == 0]


def test_a_dry_run_shows_every_file_and_writes_none(configured: Box) -> None:
    shown = configured.said(WATCHERD, "install", "--dry-run")
    assert [line for line in shown.splitlines() if line.startswith("==> ")] == [f"==> {file}" for file in FILES]
    assert f'ExecStart="{WATCHERD}" run' in shown
    assert there(configured) == []


def test_without_a_configuration_nothing_is_installed(configured: Box) -> None:
    refused = configured.run(WATCHERD, "install", "-c", "/etc/watcherd/other.toml")
    assert refused.returncode == 78
    assert "/etc/watcherd/other.toml" in refused.stderr
    assert there(configured) == []


def test_a_watcherd_that_the_service_could_not_reach_is_not_installed(configured: Box) -> None:
    configured.said("mkdir", "--mode=700", "/closed")
    refused = configured.run(install_watcherd(configured, Path("/closed/venv")), "install")
    assert refused.returncode == 1
    assert "/closed is closed to it" in refused.stderr
    assert "/opt/watcherd" in refused.stderr
    assert "--user" in refused.stderr
    assert there(configured) == []


def test_what_somebody_else_has_put_there_is_left_alone(configured: Box) -> None:
    configured.write(UNIT, "[Service]\nExecStart=/bin/true\n")
    for command in ("install", "uninstall"):
        refused = configured.run(WATCHERD, command)
        assert refused.returncode == 1
        assert UNIT in refused.stderr
        assert there(configured) == [UNIT]
    configured.said("rm", UNIT)


def test_only_root_installs_for_the_system_and_only_others_for_themselves(configured: Box) -> None:
    for command in ("install", "uninstall"):
        assert "sudo" in configured.run(WATCHERD, command, user="nobody").stderr
        assert "--user" in configured.run(WATCHERD, command, "--user").stderr
    assert there(configured) == []


def test_an_installation_is_whole_and_can_be_repeated_and_taken_back(configured: Box) -> None:
    box = configured
    told = box.said(WATCHERD, "install")
    assert there(box) == list(FILES)
    assert all(f"wrote {file}" in told for file in FILES)

    # systemd has understood all of it.
    assert box.show("watcherd.service", "LoadState") == {"LoadState": "loaded"}
    writable = box.said("systemctl", "show", "--value", "--property=ReadWritePaths", "watcherd.service")
    assert writable == '"-/srv/Bob\'s 100% \\\\ \\"own\\" folder" -/srv/sync\n'
    assert box.said("systemd-analyze", "verify", UNIT) == ""
    assert "watcherd" in box.said("getent", "group", "render")
    assert "b0df51ce52504cdebf7c75a59134bbd4" in box.said("journalctl", "--list-catalog")

    # The folders belong to root, and it says what to do about that.
    assert "NOTE /srv/sync cannot be written to by the user watcherd" in told
    box.said("chown", "watcherd:", "/srv/sync", FOLDER)
    before = box.said("sha256sum", *FILES)
    again = box.said(WATCHERD, "install")
    assert "NOTE" not in again
    assert all(f"{file} is as it should be" in again for file in FILES)
    assert box.said("sha256sum", *FILES) == before

    # A folder more is a folder more, and nothing else.
    box.write(CONFIG, "[[watch]]\npath = '/srv/sync'\n")
    assert f"brought {DROP_IN} up to date" in box.said(WATCHERD, "install")

    # Another drop-in is not ours to take.
    box.write(f"{UNIT}.d/override.conf", "[Service]\nNice=19\n")
    told = box.said(WATCHERD, "uninstall")
    assert all(f"removed {file}" in told for file in FILES)
    assert there(box) == []
    box.said("test", "-e", f"{UNIT}.d/override.conf")
    box.said("test", "-e", CONFIG)
    assert "b0df51ce52504cdebf7c75a59134bbd4" not in box.said("journalctl", "--list-catalog")
    assert "nothing is installed" in box.said(WATCHERD, "uninstall")
