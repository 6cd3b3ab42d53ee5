"""Daemons to start, and folders for them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from tests.daemon.running import MODEL, Changes, Installation, Log, Running


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    folder = tmp_path / "recordings"
    folder.mkdir()
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
        [model]
        id = "{MODEL}"
        [[watch]]
        path = "{folder}"
        settle = "500ms"
        [ledger]
        path = "{tmp_path / "state" / "ledger.sqlite3"}"
        """
    )
    return Installation(config, folder)


@pytest.fixture
def changes(tmp_path: Path) -> Iterator[Changes]:
    handler, observer = Changes(), Observer()
    observer.schedule(handler, str(tmp_path), recursive=True)
    observer.start()
    yield handler
    observer.stop()
    observer.join()


@pytest.fixture
def start() -> Iterator[Callable[[Installation], Running]]:
    started: list[Running] = []

    def start(installation: Installation) -> Running:
        process = subprocess.Popen(
            installation.command("run"), stderr=subprocess.PIPE, text=True, errors="surrogateescape"
        )
        started.append(Running(process, Log(process)))
        return started[-1]

    yield start
    for running in started:
        with running.process:
            running.process.kill()
            running.log.close()
