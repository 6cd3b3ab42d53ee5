"""The daemon and its engine as processes: what ends, what goes on, and what it costs."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import Speaker
from tests.daemon.running import PATIENCE_S, Changes, Installation, Running, words


def test_an_idle_parent_is_small_and_holds_no_library_of_the_model(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")

    parent = psutil.Process(daemon.process.pid)
    mapped = {Path(mapping.path).name for mapping in parent.memory_maps()}
    assert parent.memory_info().rss < 80e6
    assert not {name for name in mapped if "torch" in name or "tokenizers" in name}
    assert any("torch" in Path(mapping.path).name for mapping in daemon.engine.memory_maps())


def test_the_engine_ends_with_a_daemon_that_is_killed(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")
    engine = daemon.engine

    daemon.process.kill()

    assert engine.wait(PATIENCE_S) is not None or not engine.is_running()


def test_a_dead_engine_is_replaced_and_its_recording_done(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker, changes: Changes
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")
    first = daemon.engine
    first.suspend()  # so that it cannot be quicker than the kill
    shutil.copy(speak("This recording survives the engine."), installation.folder / "a.wav")
    daemon.log.wait_for("a.wav: started")

    first.kill()

    daemon.log.wait_for("it is tried again")  # in a while, by which the model is to be loaded
    assert json.loads(installation.run("status", "--json").stdout)["engine"] != "unloaded"
    changes.wait_until((installation.folder / "a.txt").exists)
    assert words(installation.folder / "a.txt") == "this recording survives the engine".split()
    assert daemon.engine.pid != first.pid
    daemon.log.wait_for(": done")
    assert installation.listed()["a.wav"]["state"] == "done"


def test_a_recording_that_kills_the_engine_three_times_is_set_aside_and_the_next_one_done(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")
    poison = speak("This one kills.")
    for death in range(1, 4):
        engine = daemon.engine
        engine.suspend()
        if death == 1:
            shutil.copy(poison, installation.folder / "poison.wav")
        daemon.log.wait_for("poison.wav: started", times=death)
        engine.kill()
        daemon.log.wait_for("is ready on cpu", times=death + 1 if death < 3 else death)
    daemon.log.wait_for("poison.wav: failed")

    shutil.copy(speak("The next one lives."), installation.folder / "next.wav")
    daemon.log.wait_for("next.wav: done")

    poisoned = installation.listed()["poison.wav"]
    assert (poisoned["state"], poisoned["error_class"]) == ("failed", "poison")
    assert "SIGKILL" in poisoned["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_also_while_the_model_loads(
    installation: Installation, start: Callable[[Installation], Running], number: int
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is starting")

    daemon.process.send_signal(number)

    assert daemon.process.wait(30) == 0


def test_a_second_daemon_over_the_same_ledger_is_refused(
    installation: Installation, start: Callable[[Installation], Running]
) -> None:
    daemon = start(installation)
    daemon.log.wait_for("is ready on cpu")

    second = installation.run("once")

    assert second.returncode == 75
    assert str(daemon.process.pid) in second.stderr
