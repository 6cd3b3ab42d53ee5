import os
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for config.toml, with a folder to watch in it."""
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture
def permissions_hold(tmp_path: Path) -> None:
    """What follows needs a user whom the mode of a file keeps out."""
    closed = tmp_path / "closed"
    closed.touch(mode=0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")
