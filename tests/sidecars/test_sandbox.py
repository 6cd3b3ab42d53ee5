import os

import pytest

from watcherd.sidecars.sandbox import remedy


@pytest.fixture
def started_by_systemd(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(os, "getppid", lambda: 1)
    return {"SYSTEMD_EXEC_PID": str(os.getpid())}


def test_a_service_is_told_what_opens_a_folder_to_it(started_by_systemd: dict[str, str]) -> None:
    usual = "Run `sudo watcherd install`, then `sudo systemctl restart watcherd`"
    assert remedy(started_by_systemd) == usual
    assert remedy({**started_by_systemd, "WATCHERD_CONFIG": "/etc/watcherd/config.toml"}) == usual


def test_a_configuration_elsewhere_is_named(started_by_systemd: dict[str, str]) -> None:
    told = remedy({**started_by_systemd, "WATCHERD_CONFIG": "/srv/my own.toml"})
    assert told is not None
    assert "watcherd install -c '/srv/my own.toml'`" in told


def test_what_runs_in_a_terminal_of_a_service_is_no_service(started_by_systemd: dict[str, str]) -> None:
    assert remedy({"INVOCATION_ID": "f" * 32, "SYSTEMD_EXEC_PID": str(os.getpid() + 1)}) is None
    assert remedy({}) is None
    assert remedy(started_by_systemd) is not None


def test_the_service_of_a_user_has_no_folders_closed_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 4711)
    assert remedy({"SYSTEMD_EXEC_PID": str(os.getpid())}) is None
