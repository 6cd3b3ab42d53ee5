from pathlib import Path

import pytest

from watcherd.config.files import SYSTEM_CONFIG
from watcherd.service.system import SERVICE, service_ledger
from watcherd.service.units import unit

CONFIG = Path("/srv/Bob's \\ 100% own/watcherd.toml")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def test_the_systems_configuration_means_the_services_ledger(tmp_path: Path, state: Path) -> None:
    assert service_ledger(SYSTEM_CONFIG, state, tmp_path) == state / "ledger.sqlite3"


def test_a_configuration_that_the_service_was_installed_with_means_its_ledger(tmp_path: Path, state: Path) -> None:
    (tmp_path / SERVICE).write_text(unit("watcherd.service", ["/usr/bin/watcherd"], CONFIG))
    assert service_ledger(CONFIG, state, tmp_path) == state / "ledger.sqlite3"
    assert service_ledger(CONFIG.with_name("other.toml"), state, tmp_path) is None


def test_without_a_service_nobodys_ledger_is_the_services(tmp_path: Path, state: Path) -> None:
    assert service_ledger(SYSTEM_CONFIG, tmp_path / "missing", tmp_path) is None
    assert service_ledger(CONFIG, state, tmp_path) is None
