"""The pause, asked of the real daemon by its own commands."""

import json
import shutil
from collections.abc import Callable

import psutil
import pytest

from tests.conftest import Speaker
from tests.daemon.running import Installation, Running
from watcherd.config import ledger_path
from watcherd.service.control import ask


def status(installation: Installation) -> dict[str, object]:
    told: dict[str, object] = json.loads(installation.run("status", "--json").stdout)
    return told


def test_a_pause_frees_the_engine_outlives_a_restart_and_ends_when_asked(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    recording = installation.folder / "a.wav"
    daemon = start(installation)
    daemon.log.wait_for(" ready")
    engine = daemon.engine
    engine.suspend()  # so that the recording cannot be done before the pause
    shutil.copy(speak("This recording waits for its turn."), recording)
    daemon.log.wait_for("a.wav: started")

    paused = installation.run("pause")
    assert (paused.returncode, paused.stdout) == (
        0,
        "paused; a recording is back in the queue. It goes on with: watcherd resume\n",
    )
    assert not engine.is_running()
    assert psutil.Process(daemon.process.pid).children() == []
    assert (status(installation)["state"], status(installation)["queue"]) == ("paused", 1)
    assert installation.listed()["a.wav"]["attempts"] == 0

    # Discovery goes on, and nothing is begun.
    shutil.copy(speak("So does this one."), installation.folder / "b.wav")
    daemon.log.wait_for("b.wav: found")
    assert daemon.stop() == 0
    daemon = start(installation)
    daemon.log.wait_for(" ready")
    assert status(installation)["state"] == "paused"
    assert status(installation)["engine"] == "unloaded"
    assert any("paused" in line and "watcherd resume" in line for line in daemon.log.lines)
    assert not any("started" in line for line in daemon.log.lines)

    assert installation.run("resume").stdout == "the work goes on\n"
    daemon.log.wait_for("a.wav: done")
    daemon.log.wait_for("b.wav: done")
    assert installation.run("resume").stdout == "it was not paused\n"


def test_a_pause_with_a_time_ends_by_itself(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for(" ready")

    assert installation.run("pause", "--for", "1h").stdout == "paused. It goes on in 1 h\n"
    assert "paused until " in installation.run("status").stdout
    installation.run("pause", "--for", "1s")

    daemon.log.wait_for("the pause is over")
    assert status(installation)["state"] == "idle"


@pytest.mark.parametrize("length", ["soon", "0s", "9999h"])
def test_a_length_that_cannot_be_is_a_wrong_usage(installation: Installation, length: str) -> None:
    refused = installation.run("pause", "--for", length)
    assert refused.returncode == 2
    assert "--for" in refused.stderr


def test_requests_that_make_no_sense_are_refused_and_harm_nothing(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for(" ready")
    ledger = ledger_path(installation.config)
    for request in (
        {"command": "retry", "paths": [5]},
        {"command": "redo", "paths": ["/a\0b"]},
        {"command": "retry", "paths": ["/\ud800"]},
        {"command": "pause", "for_s": "long"},
        {"command": "dance"},
    ):
        assert "error" in ask(ledger, request)
    assert status(installation)["state"] == "idle"
    assert daemon.stop() == 0
